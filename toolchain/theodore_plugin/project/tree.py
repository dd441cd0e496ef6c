"""Source trees: which files would be shipped, which are left out, and what could not be read.

Two readers share the selection below: one over a folder, one over a mapping in memory. A file inside
a package root is always taken, whatever its name, because build backends ship it too; only top-level
folders that no backend ships by default are left out, and each is listed with its reason. A folder inside a package
is never left out for a name under which it could be imported: it is read, or said to be unread.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from theodore_loader import strict_toml
from theodore_loader.errors import ConfigurationProblem, NothingToDo
from theodore_plugin.project.core_metadata import sdist_table
from theodore_plugin.project.ignored import ignored_configs
from theodore_plugin.project.model import (
    HEAD_BYTES,
    PYPROJECT,
    PluginProject,
    SkippedFile,
    SourceFile,
    UnreadableFile,
)
from theodore_plugin.project.pyproject_types import refuse_wrong_types
from theodore_plugin.project.texts import MAX_TEXT_BYTES, Reader, texts_of
from theodore_plugin.survey.witness import is_bytecode

MAX_FILE_BYTES = 2 * 1024 * 1024
"""A larger Python file is data in disguise; it is reported as not analysed."""
MAX_TOTAL_BYTES = 64 * 1024 * 1024
MAX_FILES = 10_000
LOCK_NAME = "pylock.toml"
SBOM_NAME = "sbom.cdx.json"
API_USAGE_NAME = "api-usage.json"
PKG_INFO = "PKG-INFO"
"""What a source distribution says about itself: all there is where a build script says it (``setup.py``)."""

NEVER_SHIPPED = {
    ".git": "version control",
    ".hg": "version control",
    ".svn": "version control",
    ".tox": "virtual environments",
    ".nox": "virtual environments",
    ".venv": "virtual environment",
    "venv": "virtual environment",
    "env": "virtual environment",
    "node_modules": "third-party packages",
    "__pycache__": "bytecode cache",
    ".mypy_cache": "tool cache",
    ".ruff_cache": "tool cache",
    ".pytest_cache": "tool cache",
    ".eggs": "build artefact",
    ".idea": "editor folder",
    ".vscode": "editor folder",
}
"""Folders skipped wherever they lie, except where they would be shipped and could be imported."""
_BYTECODE = "__pycache__"
_LINK = "symbolic link out of the project, or to a folder"
NOT_A_PACKAGE = {
    "tests": "tests are not part of the wheel",
    "test": "tests are not part of the wheel",
    "testing": "tests are not part of the wheel",
    "docs": "documentation",
    "doc": "documentation",
    "examples": "examples are not part of the wheel",
    "scripts": "developer scripts are not part of the wheel",
    "tools": "developer scripts are not part of the wheel",
    "benchmarks": "benchmarks are not part of the wheel",
    "build": "build artefact",
    "dist": "build artefact",
}
"""Top-level folders skipped beside packages."""
NOT_A_MODULE = frozenset(
    {"setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "dodo.py", "manage.py", "versioneer.py"}
)
"""Top-level files that belong to developer tools, not to the distribution."""


@dataclass
class _Listing:
    """What a walk saw, before anything is read."""

    files: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    """Links to files that do not belong to the tree."""


def open_tree(root: Path) -> PluginProject:
    """Read a folder. Raises ConfigurationProblem or NothingToDo."""
    listing = _walk(root)
    if not listing.files and not listing.unreadable:
        raise NothingToDo(
            f"{root} holds no files", help="create a plugin with: theodore-plugin new NAME --category scraper"
        )
    readable: dict[str, bytes] = {}
    wanted = set(_shipped(listing.files, listing.skipped)) | _configuration(listing.files)
    listing.unreadable += [UnreadableFile(path, _LINK) for path in _missed(listing)]
    for path in sorted(wanted):
        _read_into(readable, listing, root, path)
    reader = partial(_text_at, root, readable)
    return _assemble(listing, readable, root=root, label=root.resolve().name or "project", read=reader)


def open_package(root: Path, package: str) -> PluginProject:
    """Read a folder that is a package itself: everything in it counts, importable as ``package``.

    Raises ConfigurationProblem or NothingToDo.
    """
    listing = _walk(root)
    contents: dict[str, bytes] = {}
    for path in listing.files:
        if path.endswith(".py"):
            _read_into(contents, listing, root, path)
    if not contents and not listing.unreadable:
        raise NothingToDo(f"{root} holds no Python file", help="point at a folder with Python code")
    prefix = package.replace(".", "/")
    inside = {f"{prefix}/{path}": data for path, data in sorted(contents.items())}
    return PluginProject(
        root=root,
        label=root.resolve().name or package,
        files=tuple(SourceFile.of(path, module_name(path), data) for path, data in inside.items()),
        package_roots=(prefix,),
        skipped=tuple(SkippedFile(f"{prefix}/{item.path}", item.reason) for item in listing.skipped),
        unreadable=tuple(UnreadableFile(f"{prefix}/{item.path}", item.reason) for item in listing.unreadable),
        members=tuple(f"{prefix}/{path}" for path in listing.files),
    )


def project_from_contents(files: Mapping[str, bytes], *, label: str) -> PluginProject:
    """Build a project from a mapping of relative POSIX paths to contents."""
    listing = _Listing(files=[])
    for path in sorted(files):
        folder = next((part for part in path.split("/")[:-1] if part in NEVER_SHIPPED), None)
        if folder is None:
            listing.files.append(path)
        else:
            listing.skipped.append(SkippedFile(path, NEVER_SHIPPED[folder]))
    return _assemble(listing, files, root=Path(label), label=label, read=files.get)


def _assemble(
    listing: _Listing, contents: Mapping[str, bytes], *, root: Path, label: str, read: Reader
) -> PluginProject:
    skipped = list(listing.skipped)
    shipped = _shipped(listing.files, skipped)
    text, table = _pyproject(contents)
    if "project" not in table and PKG_INFO in contents:
        table = {**table, "project": sdist_table(contents[PKG_INFO].decode("utf-8", "replace"))}
    src_layout = _has_src(listing.files)
    sources = tuple(
        SourceFile.of(path, module_name(path, src_layout=src_layout), contents[path])
        for path in shipped
        if path.endswith(".py") and path in contents
    )
    known = {file.path for file in sources}
    shipped_data = {path: contents[path] for path in shipped if path in contents and path not in known}
    texts, not_texts = texts_of((path for path in listing.files if path not in known), read, shipped_data)
    return PluginProject(
        root=root,
        label=label,
        files=sources,
        pyproject=table,
        pyproject_text=text,
        package_roots=_roots(shipped),
        lock=contents.get(LOCK_NAME),
        sbom=contents.get(SBOM_NAME),
        api_usage=contents.get(API_USAGE_NAME),
        skipped=tuple(sorted(skipped, key=lambda item: item.path)),
        unreadable=tuple(sorted(listing.unreadable, key=lambda item: item.path)),
        ignored_configs=ignored_configs(listing.files, contents),
        members=tuple(shipped),
        heads={path: data[:HEAD_BYTES] for path, data in shipped_data.items()},
        beside=tuple(sorted(set(listing.files) - set(shipped))),
        texts=texts,
        not_texts=not_texts,
    )


def module_name(path: str, *, src_layout: bool = False) -> str | None:
    """Return the import name of a Python file, or ``None`` if no import statement can reach it."""
    parts = path.removesuffix(".py").split("/")
    if src_layout and parts[0] == "src":
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def _walk(root: Path) -> _Listing:
    listing = _Listing()
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            listing.unreadable.append(UnreadableFile(folder or ".", f"cannot list folder: {error.strerror}"))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _sort_entry(entry, path, listing, root):
                pending.append(path)
        if len(listing.files) > MAX_FILES:
            raise ConfigurationProblem(
                f"{root} holds more than {MAX_FILES} files", help="point at the plugin's own folder"
            )
    listing.files.sort()
    return listing


def _sort_entry(entry: os.DirEntry[str], path: str, listing: _Listing, root: Path) -> bool:
    """File ``entry`` under what it is; say whether it is a folder to walk into."""
    if entry.is_symlink():
        _sort_symlink(path, listing, root)
        return False
    if entry.is_dir(follow_symlinks=False):
        return _sort_folder(entry, path, listing, root)
    if path.endswith(".py") and not _is_text(path):
        listing.unreadable.append(UnreadableFile(path, "its name is not UTF-8: rename it"))
    elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        listing.files.append(path)
    elif path.endswith(".py"):
        listing.unreadable.append(UnreadableFile(path, "not a regular file"))
    return False


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sort_folder(entry: os.DirEntry[str], path: str, listing: _Listing, root: Path) -> bool:
    environment = _virtual_environment(entry.path)
    reason = NEVER_SHIPPED.get(entry.name) or environment
    if reason is None:
        return True
    if not _importable(entry.name, path, root):
        listing.skipped.append(SkippedFile(path, reason))
        return False
    if entry.name == _BYTECODE and _only_bytecode(entry.path):
        listing.skipped.append(SkippedFile(path, reason))
        return False
    if environment or entry.name in {_BYTECODE, "node_modules"}:
        listing.unreadable.append(UnreadableFile(path, f"{environment or reason} inside a package: move it out"))
        return False
    return True


def _importable(name: str, path: str, root: Path) -> bool:
    """Whether a folder lies where builders ship it and could be imported, whatever its name says it is."""
    if not name.isidentifier():
        return False
    top, _, rest = path.partition("/")
    if (root / "__init__.py").exists():
        return True
    if not rest or top in NOT_A_PACKAGE:
        return False
    # packages need no __init__.py: folders with Python files in them, here or on the way here, are enough
    within = (root / path, *(root / parent for parent in PurePosixPath(path).parents if parent.name))
    return top == "src" or any(map(_holds_python, within))


def _holds_python(folder: Path) -> bool:
    try:
        return any(entry.suffix == ".py" for entry in folder.iterdir())
    except OSError:
        return False


def _only_bytecode(folder: str) -> bool:
    try:
        return all(is_bytecode(entry.name) for entry in Path(folder).iterdir())
    except OSError:
        return False


def _sort_symlink(path: str, listing: _Listing, root: Path) -> None:
    """Count a link to a file of this tree as that file; never follow a link anywhere else."""
    target = (root / path).resolve()
    if target.is_file() and target.is_relative_to(root.resolve()):
        listing.files.append(path)
    elif target.is_dir() or path.endswith(".py"):
        listing.unreadable.append(UnreadableFile(path, _LINK))
    else:
        listing.outside.append(path)


def _missed(listing: _Listing) -> list[str]:
    """Return the links out of the project that builders would follow: what is shipped, and what decides about it."""
    src_layout = _has_src(listing.files)
    shipped = [path for path in listing.outside if _left_out(path, src_layout) is None]
    return [*shipped, *sorted(_configuration(listing.outside))]


def _virtual_environment(path: str) -> str | None:
    return "virtual environment" if Path(path, "pyvenv.cfg").exists() else None


def _read_into(contents: dict[str, bytes], listing: _Listing, root: Path, path: str) -> None:
    try:
        size = (root / path).stat().st_size
        if size > MAX_FILE_BYTES:
            reason = f"larger than {MAX_FILE_BYTES // 1024} KiB ({size} bytes)"
            listing.unreadable.append(UnreadableFile(path, reason))
            return
        contents[path] = (root / path).read_bytes()
    except OSError as error:
        listing.unreadable.append(UnreadableFile(path, f"cannot be read: {error.strerror}"))
    if sum(map(len, contents.values())) > MAX_TOTAL_BYTES:
        raise ConfigurationProblem(
            f"{root} holds more than {MAX_TOTAL_BYTES // 2**20} MiB of source", help="point at the plugin's own folder"
        )


def _text_at(root: Path, readable: Mapping[str, bytes], path: str) -> bytes | None:
    """Return what lies beside the package: as it was read already, or read now if it is not too large for a text."""
    if path in readable:
        return readable[path]
    try:
        with (root / path).open("rb") as file:
            return file.read(MAX_TEXT_BYTES + 1)
    except OSError:
        return None


def _configuration(files: Iterable[str]) -> set[str]:
    return {path for path in files if path in {PYPROJECT, PKG_INFO, LOCK_NAME, "setup.cfg", "tox.ini"}}


def _shipped(files: Iterable[str], skipped: list[SkippedFile]) -> list[str]:
    """Keep the files a build backend would take; record the Python files left out (once each)."""
    everything = list(files)
    src_layout = _has_src(everything)
    seen = {item.path for item in skipped}
    shipped = []
    for path in everything:
        reason = _left_out(path, src_layout)
        if reason is None:
            shipped.append(path)
        elif path.endswith(".py") and path not in seen:
            skipped.append(SkippedFile(path, reason))
    return shipped


def _has_src(files: Iterable[str]) -> bool:
    return any(path.startswith("src/") and path.endswith(".py") for path in files)


def _left_out(path: str, src_layout: bool) -> str | None:
    top, _, rest = path.partition("/")
    if src_layout:
        return None if top == "src" and rest else "outside src/"
    if not rest:
        return None if path.endswith((".py", ".pth")) and path not in NOT_A_MODULE else "developer file"
    if not top.isidentifier():
        return "not an importable folder"
    return NOT_A_PACKAGE.get(top)


def _roots(shipped: Iterable[str]) -> tuple[str, ...]:
    roots: dict[str, None] = {}
    for path in shipped:
        parts = path.split("/")
        depth = 2 if parts[0] == "src" and len(parts) > 1 else 1
        roots["/".join(parts[:depth])] = None
    return tuple(roots)


def _pyproject(contents: Mapping[str, bytes]) -> tuple[str, Mapping[str, Any]]:
    data = contents.get(PYPROJECT)
    if data is None:
        return "", {}
    try:
        text = data.decode("utf-8")
        table = strict_toml.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigurationProblem(
            f"{PYPROJECT}:{data[: error.start].count(10) + 1}: not UTF-8 (byte {error.start})",
            help="save the file as UTF-8",
        ) from error
    except ValueError as error:
        raise ConfigurationProblem(
            f"{PYPROJECT} is not valid TOML: {error}", help="correct the file at the place named"
        ) from error
    refuse_wrong_types(text, table)
    return text, table
