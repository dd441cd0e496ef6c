"""Editable installations: RECORD knows a pointer only, the code lies where the author works (PEP 660).

Recognised by ``direct_url.json`` (PEP 610). The pointer is a ``.pth`` file naming folders, or the module setuptools
writes, whose ``MAPPING`` names packages and their folders; that one is read as a literal, never run.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from theodore_plugin.distributions.model import HOOK_SUFFIX, Contents, Unreadable
from theodore_plugin.distributions.reading import MIB, read_regular


def source_folders(dist_info: Path, contents: Contents) -> tuple[tuple[Path, str], ...] | None:
    """Return ``(folder, package)`` of an editable installation, or ``None`` if it is not editable.

    ``package`` is empty where the folder is an import root. No folder at all means that none was found.
    """
    if not _is_editable(dist_info):
        return None
    return tuple(dict.fromkeys(_pointers(dist_info, contents)))


def _is_editable(dist_info: Path) -> bool:
    try:
        said = json.loads(read_regular(dist_info / "direct_url.json", MIB))
        return bool(said["dir_info"]["editable"])
    except (Unreadable, ValueError, KeyError, TypeError, RecursionError):
        return False


def _pointers(dist_info: Path, contents: Contents) -> Iterator[tuple[Path, str]]:
    stem = dist_info.name.partition("-")[0]
    for path in sorted(dist_info.parent.glob(f"*{stem}*")):
        try:
            if path.suffix == HOOK_SUFFIX:
                yield from _folders(contents.read(path.name).decode("utf-8", "replace"))
            elif path.name.startswith("__editable__") and path.suffix == ".py":
                yield from _mapping(contents.read(path.name))
        except Unreadable:
            continue


def _folders(text: str) -> Iterator[tuple[Path, str]]:
    for line in text.splitlines():
        folder = Path(line.strip())
        if line.strip() and not line.startswith(("#", "import ", "import\t")) and folder.is_dir():
            yield folder, ""


def _mapping(data: bytes) -> Iterator[tuple[Path, str]]:
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and "MAPPING" in ast.unparse(node).split("=")[0]:
            yield from _mapped(node.value)


def _mapped(value: ast.expr | None) -> Iterator[tuple[Path, str]]:
    if not isinstance(value, ast.Dict):
        return
    for key, item in zip(value.keys, value.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(item, ast.Constant):
            yield Path(str(item.value)), str(key.value)
