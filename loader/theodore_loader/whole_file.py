"""Files that are written whole or not at all, and stay so when power is lost.

1. The content goes into a file of its own beside the place it is meant for: made exclusively under a name nobody can
   guess, so that no link is followed, and readable by its owner only until it is complete.
2. It is flushed to the disk, with the mode it is to have.
3. It takes its place in one step, then the folder is flushed. A reader sees the old content or the new.

Whatever fails on the way, the old content stays and nothing is left over; a process that is killed leaves at most a
file named ``.<name>.<random>.tmp``.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int = 0o600, *, flush: bool = True) -> None:
    """Write ``path`` in one step. Raises OSError, naming the file.

    Without ``flush`` it may be empty after a loss of power: for what is checked when it is read, and can be made again.
    """
    temporary = stage_file(path, data, mode, flush=flush)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if flush:
        flush_folder(path.parent)


def create_file(path: Path, data: bytes) -> None:
    """Write ``path``, for its owner only, in one step where there is nothing yet: if another was first, its file stays.

    Raises OSError, naming the file.
    """
    temporary = stage_file(path, data)
    try:
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    flush_folder(path.parent)


def stage_file(
    path: Path, data: bytes, mode: int = 0o600, *, owner: tuple[int, int] | None = None, flush: bool = True
) -> Path:
    """Write ``data`` beside ``path`` and return where it is; the caller renames or removes it.

    ``owner`` is a user's and a group's id. Raises OSError, naming ``path``.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if owner is not None:
                with suppress(PermissionError):  # only root can give files away; others own what they may replace
                    os.fchown(descriptor, *owner)
            if hasattr(os, "fchmod"):  # elsewhere modes say nothing
                os.fchmod(descriptor, mode)
            if flush:
                os.fsync(descriptor)
    except BaseException as problem:
        Path(name).unlink(missing_ok=True)
        name_file(problem, path)
        raise
    return Path(name)


def write_new(path: Path, data: bytes) -> None:
    """Write a file for its owner only into a folder that nobody reads yet, and flush it.

    The folder is what appears whole: its writer flushes and renames it. Raises OSError, naming the file, and
    FileExistsError where there is something already.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as problem:
        name_file(problem, path)
        raise


def flush_folder(folder: Path) -> None:
    """Flush a folder's own entries to disk, so that a rename inside it survives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def name_file(problem: BaseException, path: Path | str) -> None:
    """Note ``path`` in an operating system error that names none: a full disk is met by a descriptor."""
    if isinstance(problem, OSError) and problem.filename is None:
        problem.filename = str(path)
