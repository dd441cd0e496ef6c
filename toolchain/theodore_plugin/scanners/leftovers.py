"""Working folders, and removing those of checks that were killed: a killed process cannot tidy up after itself.

Every folder is locked (``flock``) by the process that works in it, and the lock goes with the process, however it
ends. A folder of ours that nobody locks is a leftover.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":  # which has no such locks; leftovers stay there until the system's own tidying
    import fcntl

PREFIX = "theodore-check-"
_LOCK = "lock"
_YOUNG_SECONDS = 60.0
"""A folder younger than this may be about to be locked."""


@contextmanager
def working_folder() -> Iterator[Path]:
    """Yield a private folder that is removed afterwards, if not by this process, then by the next one."""
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / _LOCK).open("wb") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the working folders of this user's that no process works in any more."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False) and _is_ours_and_old(entry):
                _remove_unlocked(Path(entry.path))


def _is_ours_and_old(entry: os.DirEntry[str]) -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and time.time() - status.st_mtime > _YOUNG_SECONDS


def _remove_unlocked(folder: Path) -> None:
    """Remove a folder unless its lock is held; one without a lock file was killed before it had one."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)
        return
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        pass
    finally:
        os.close(descriptor)
