"""Digests of files and folders, to see whether what an answer rests on has changed.

========  =============================================================================================
``file``  the content of a file (a dependency is represented by its RECORD, which names every digest)
``tree``  names in a folder and everything below it, and the content of Python and project files
``whole`` names in a folder and everything below it, and the content of every file
``site``  which distributions and start-up files lie in an import folder
========  =============================================================================================

Content, not times: times can be set back. This module is imported before everything else, by every unchanged run, and
therefore imports next to nothing.
"""

from __future__ import annotations

import os
import stat

try:
    from _blake2 import blake2b  # hashlib loads OpenSSL first, which takes longer than all hashing here
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterator

    Witness = tuple[str, str, str]
    """Kind, absolute path, digest."""

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_TREE_ENTRIES = 100_000
UNSEEN = frozenset({".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
"""Folders whose content never matters; none of them is ever analysed."""
LEFT_OUT = frozenset({".tox", ".nox", ".venv", "venv", "env", "node_modules", ".eggs", ".idea", ".vscode"})
"""Folders of a project that no check looks into; that they are there is part of its report."""
MAYBE_PACKAGES = frozenset({"env", "venv"})
"""Those of them that are looked into inside a package, unless a marker says that they are environments."""
READ_SUFFIXES = (".py", ".pth")
READ_NAMES = frozenset({"pyproject.toml", "setup.cfg", "tox.ini", "pylock.toml"})
SITE_SUFFIXES = (".dist-info", ".pth", ".egg-link")
ABSENT = "absent"


class Unwitnessed(Exception):
    """Something cannot be reduced to a digest (too large, vanishing, a device)."""


def witness(kind: str, path: str) -> Witness:
    """Return what is there now. Raises :class:`Unwitnessed`."""
    absolute = os.path.abspath(path)
    digest = _digest(kind, absolute)
    if digest is None:
        raise Unwitnessed(path)
    return kind, absolute, digest


def holds(seen: Witness) -> bool:
    """Return whether what was witnessed is still so."""
    kind, path, digest = seen
    return _digest(kind, path) == digest


def hashed(parts: Iterator[str]) -> str:
    """Return one digest of texts in their order."""
    state = blake2b(digest_size=20)
    for part in parts:
        state.update(f"{len(part)}:{part}".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def checksum(data: bytes) -> str:
    """Return the digest used for everything here, in hex."""
    return str(blake2b(data, digest_size=20).hexdigest())


def read_all(descriptor: int, size: int) -> bytes:
    """Read an open file of about ``size`` bytes to its end."""
    data = os.read(descriptor, size + 1)
    while more := os.read(descriptor, size + 1):
        data += more
    return data


def _digest(kind: str, path: str) -> str | None:
    try:
        if kind == "file":
            return _file(path)
        if kind == "tree":
            return _tree(path, whole=False)
        if kind == "whole":
            return _tree(path, whole=True)
        return site_digest(path) if kind == "site" else None
    except (OSError, Unwitnessed):
        return None


def _file(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            raise Unwitnessed(path)
        return checksum(read_all(descriptor, status.st_size))
    finally:
        os.close(descriptor)


def _tree(folder: str, *, whole: bool) -> str:
    state = blake2b(digest_size=20)
    for line in _lines(folder, whole=whole):
        state.update(line.encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _lines(folder: str, *, whole: bool) -> Iterator[str]:
    """Yield one line for everything below a folder, in an order that is always the same."""
    pending, count = [""], 0
    while pending:
        below = pending.pop()
        with os.scandir(folder + below) as found:
            entries = sorted((entry for entry in found if not _is_unseen(entry)), key=_name)
        count += len(entries)
        if count > MAX_TREE_ENTRIES:
            raise Unwitnessed(folder)
        for entry in entries:
            path = f"{below}/{entry.name}"
            yield _line(entry, path, whole=whole)
            if entry.is_dir(follow_symlinks=False) and not (whole and _is_left_out(entry)):
                pending.append(path)


def is_bytecode(name: str) -> bool:
    """Whether a file is what the interpreter leaves in ``__pycache__``, finished or not."""
    return name.endswith(".pyc") or ".pyc." in name


def _is_unseen(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder whose content never matters; bytecode caches are one if they hold bytecode."""
    if entry.name not in UNSEEN or not entry.is_dir(follow_symlinks=False):
        return False
    return entry.name != "__pycache__" or all(map(is_bytecode, os.listdir(entry.path)))


def _is_left_out(entry: os.DirEntry[str]) -> bool:
    """Whether no check looks into a folder; inside a package some of these names are those of packages."""
    return entry.name in LEFT_OUT - MAYBE_PACKAGES or os.path.exists(f"{entry.path}/pyvenv.cfg")


def _line(entry: os.DirEntry[str], path: str, *, whole: bool) -> str:
    content = _file(entry.path) if not entry.is_dir() and (whole or _is_read(entry.name)) else ""
    if entry.is_symlink():
        target = os.readlink(entry.path)
        return f"l{len(path)}:{path}{len(target)}:{target}{content}\n"
    if entry.is_dir(follow_symlinks=False):
        return f"d{len(path)}:{path}\n"
    return f"f{len(path)}:{path}{content}\n"


def _is_read(name: str) -> bool:
    return name.endswith(READ_SUFFIXES) or name in READ_NAMES


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def site_digest(folder: str) -> str:
    """Return a digest of which distributions and start-up files lie in an import folder."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SITE_SUFFIXES))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    return checksum("\0".join(names).encode("utf-8", "surrogateescape"))
