"""What lies in a folder: files, what is skipped, what cannot be read, and links that lead out of it.

A folder inside a package is never left out for a name under which it could be imported: it is walked into, or said to
be unread.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project.model import SkippedFile, UnreadableFile
from theodore_plugin.project.shipping import NEVER_SHIPPED, NOT_A_PACKAGE
from theodore_plugin.survey.witness import is_bytecode

MAX_FILES = 10_000
_BYTECODE = "__pycache__"
LINK = "symbolic link out of the project, or to a folder"


@dataclass
class Listing:
    """What a walk saw, before anything is read."""

    files: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    """Links to files that do not belong to the tree."""


def list_names(names: Iterable[str]) -> Listing:
    """Sort relative POSIX paths that lie in no folder."""
    listing = Listing()
    for path in sorted(names):
        folder = next((part for part in path.split("/")[:-1] if part in NEVER_SHIPPED), None)
        if folder is None:
            listing.files.append(path)
        else:
            listing.skipped.append(SkippedFile(path, NEVER_SHIPPED[folder]))
    return listing


def walk(root: Path) -> Listing:
    """Look through a folder without reading a file. Raises ConfigurationProblem if it holds far too many."""
    listing = Listing()
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


def _sort_entry(entry: os.DirEntry[str], path: str, listing: Listing, root: Path) -> bool:
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


def _sort_folder(entry: os.DirEntry[str], path: str, listing: Listing, root: Path) -> bool:
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


def _sort_symlink(path: str, listing: Listing, root: Path) -> None:
    """Count a link to a file of this tree as that file; never follow a link anywhere else."""
    target = (root / path).resolve()
    if target.is_file() and target.is_relative_to(root.resolve()):
        listing.files.append(path)
    elif target.is_dir() or path.endswith(".py"):
        listing.unreadable.append(UnreadableFile(path, LINK))
    else:
        listing.outside.append(path)


def _virtual_environment(path: str) -> str | None:
    return "virtual environment" if Path(path, "pyvenv.cfg").exists() else None
