"""Every worker has an empty folder of its own, removed with it; what a killed host left, the next one removes.

::

    <home>/tmp/<host>.lock                   locked as long as that host lives
    <home>/tmp/<host>/<plugin>-<random>/     one worker's working folder

A lock is released by the kernel when its owner ends, however it ends, and a folder without a locked lock has no owner.
A process id would not do: it may be somebody else's by now.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from theodore_loader.paths import private_dir
from theodore_loader.supervise import own_state

_PREFIX = "host-"
_LOCK = ".lock"


class TemporaryFolders:
    """One host's folders below ``<home>/tmp``; made on first use. Blocking, safe in threads."""

    def __init__(self, home: Path) -> None:
        self._root = home / "tmp"
        self._guard = threading.Lock()
        self._own: Path | None = None
        self._lock = -1

    def fresh(self, plugin: str) -> Path:
        """Return a new empty folder; the first one clears what hosts that are gone have left."""
        with self._guard:
            if self._own is None:
                private_dir(self._root)
                _clear_abandoned(self._root)
                self._own, self._lock = _claim(self._root)
            return Path(tempfile.mkdtemp(prefix=f"{plugin}-", dir=self._own))

    def discard(self, folder: Path) -> None:
        """Remove one of them, whatever its worker has left in it."""
        own_state.discard(folder)

    def close(self) -> None:
        """Remove all of them, and give up the lock. A later :meth:`fresh` begins anew."""
        with self._guard:
            if self._own is None:
                return
            own_state.discard(self._own)
            _lock_of(self._own).unlink(missing_ok=True)
            os.close(self._lock)
            self._own, self._lock = None, -1


def _claim(root: Path) -> tuple[Path, int]:
    """Return a folder nobody else has and the descriptor of its lock, taken *before* the folder exists."""
    while True:
        own = root / f"{_PREFIX}{secrets.token_hex(6)}"
        lock = _take(_lock_of(own), os.O_CREAT | os.O_EXCL)
        if lock is not None:
            own.mkdir(mode=0o700)
            return own, lock


def _clear_abandoned(root: Path) -> None:
    owners = {path.name.removesuffix(_LOCK) for path in root.iterdir() if path.name.startswith(_PREFIX)}
    for owner in owners:
        with suppress(OSError):
            _clear(root / owner)


def _clear(folder: Path) -> None:
    """Remove an abandoned folder and then its lock; leave one whose owner lives."""
    lock = _take(_lock_of(folder), os.O_CREAT)
    if lock is None:
        return
    try:
        own_state.discard(folder)
        _lock_of(folder).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _take(path: Path, flags: int) -> int | None:
    """Return the descriptor of a lock that is ours now, or ``None``: held, or removed while we waited for it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    except FileExistsError:
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    os.close(descriptor)
    return None


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)
