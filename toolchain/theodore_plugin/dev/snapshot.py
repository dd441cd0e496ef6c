"""What of a source tree would be shipped, copied as it is now: a worker imports one moment of the tree, not two.

A module that is imported late would otherwise be newer than the module that imports it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from theodore_plugin.project import PluginProject


def snapshot(project: PluginProject, folder: Path) -> Path:
    """Copy what would be shipped into a new folder below ``folder`` and return it: an import root.

    Raises:
        OSError: a file vanished meanwhile, or the disk is full; nothing is left of the copy.

    """
    root = Path(tempfile.mkdtemp(prefix="tree-", dir=folder))
    python = {file.path: file.data for file in project.files}
    try:
        for path in dict.fromkeys((*python, *project.members)):
            target = root / _installed_at(path, project.package_roots)
            target.parent.mkdir(parents=True, exist_ok=True)
            data = python.get(path)
            target.write_bytes(_read(project.root / path) if data is None else data)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return root


def _installed_at(path: str, roots: tuple[str, ...]) -> PurePosixPath:
    """Return where a shipped file lies below ``site-packages``: its top-level package is at the top."""
    for root in roots:
        if path == root or path.startswith(f"{root}/"):
            return PurePosixPath(path).relative_to(PurePosixPath(root).parent)
    return PurePosixPath(path)


def _read(path: Path) -> bytes:
    """Read a file that was no link when the project was opened; one that has become one since is an error."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read()
