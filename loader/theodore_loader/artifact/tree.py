"""Folders that appear whole or not at all, hold read-only files, and can be compared with what they should hold.

A folder is written under a temporary name beside its final place, flushed to disk, then renamed: a reader
sees nothing or everything, whenever the writer is killed and however many write at once.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from theodore_loader.artifact.limits import DEPENDENCY
from theodore_loader.whole_file import flush_folder, write_new

PARTIAL_PREFIX = ".partial-"

_READ_ONLY_FILE = 0o444
_READ_ONLY_FOLDER = 0o555
_CHUNK = 1 << 20


@contextmanager
def appearing(final: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``final`` if the block succeeds, and vanishes if it does not.

    If another writer was first, its folder stays and this one vanishes: both were built from the same digest.
    """
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=final.parent))
    try:
        yield partial
        _seal(partial)
        _publish(partial, final)
    finally:
        remove_tree(partial)


def write_tree(root: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` (POSIX paths relative to ``root``) and flush each to disk. Paths must already be checked."""
    for name, content in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_new(target, content)


def differences(root: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return what of the tree under ``root`` is not exactly ``files``: changed, missing, extra or no regular file."""
    try:
        found = dict(_walk(str(root)))
    except OSError as problem:
        return [f"{problem.filename} cannot be listed: {problem.strerror}"]
    problems = [f"{name} is missing" for name in files if name not in found]
    for name, path in found.items():
        if name not in files:
            problems.append(f"{name} does not belong there")
        elif read_regular(path) != files[name]:
            problems.append(f"{name} was changed")
    return sorted(problems)


def contents(root: Path | str) -> dict[str, bytes] | None:
    """Return every file under ``root`` by POSIX path; ``None`` if something there is no regular file, or unreadable."""
    found: dict[str, bytes] = {}
    try:
        for name, path in _walk(str(root)):
            content = read_regular(path)
            if content is None:
                return None
            found[name] = content
    except OSError:
        return None
    return found


def read_regular(path: Path | str) -> bytes | None:
    """Return the bytes of a regular file, or ``None`` for a link, anything else, or more than a wheel can hold."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > DEPENDENCY.entry_bytes:
            return None
        return read_all(descriptor, status.st_size, DEPENDENCY.entry_bytes + 1)
    finally:
        os.close(descriptor)


def read_all(descriptor: int, expected: int, limit: int) -> bytes:
    """Read an open file to its end, ``limit`` bytes at most; one that has ``expected`` bytes is read in one piece.

    A buffered file would ask the kernel for place, kind and size first, which is half of the time for a small one.
    """
    data = os.read(descriptor, min(expected + 1, limit))
    while 0 < len(data) < limit and (more := os.read(descriptor, min(limit - len(data), _CHUNK))):
        data += more
    return data


def remove_tree(path: Path) -> None:
    """Remove a folder this module made read-only; a folder that is not there is fine."""
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what killed writers left in ``parent``; call it only while holding the lock that writers hold."""
    for leftover in parent.glob(f"{PARTIAL_PREFIX}*"):
        remove_tree(leftover)


def _seal(root: Path) -> None:
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            (Path(folder) / name).chmod(_READ_ONLY_FILE)
        flush_folder(Path(folder))
        Path(folder).chmod(_READ_ONLY_FOLDER)


def _publish(partial: Path, final: Path) -> None:
    try:
        partial.rename(final)
    except OSError:
        if not final.is_dir():
            raise
    flush_folder(final.parent)


def _walk(root: str) -> Iterator[tuple[str, str]]:
    """Yield (POSIX path relative to the top, path) of everything that is no folder; a link to one is none.

    A folder that cannot be listed raises OSError: what is in it is not known.
    """
    pending = [(root, "")]
    while pending:
        folder, prefix = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, f"{prefix}{entry.name}/"))
                else:
                    yield f"{prefix}{entry.name}", entry.path
