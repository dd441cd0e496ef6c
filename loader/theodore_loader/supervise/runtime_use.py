"""Who uses a runtime folder: a shared lock beside it for as long as a host starts workers from it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

KEPT_SECONDS = 24 * 3600.0
"""How long a folder that nobody uses is kept: versions that are run in turn need not be written each time."""
_FOLDER = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = (".building-", ".replaced-")


def touch(folder: Path) -> None:
    """Note that ``folder`` is about to be used."""
    with contextlib.suppress(OSError):
        os.close(_open_lock(folder))
        os.utime(_lock_of(folder))


def hold(folder: Path) -> int | None:
    """Mark ``folder`` as in use and return the descriptor that does so; ``None`` for a folder that is not kept here."""
    if not _FOLDER.fullmatch(folder.name):
        return None
    descriptor = _open_lock(folder)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


@contextlib.contextmanager
def exclusive(parent: Path) -> Iterator[None]:
    """Keep other hosts from writing runtime folders in ``parent``."""
    descriptor = os.open(parent / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace(target: Path, fresh: Path) -> None:
    """Put ``fresh`` at the place of ``target``. Workers that run from the old one keep what they have imported."""
    if target.is_symlink() or target.exists():
        aside = Path(tempfile.mkdtemp(prefix=".replaced-", dir=target.parent))
        target.rename(aside / "old")
        fresh.rename(target)
        _remove(aside)
    else:
        fresh.rename(target)


def clear_unused(keep: Path) -> None:
    """Remove other versions' folders that no host holds and none has used lately, and what was never finished."""
    now = time.time()
    for path in list(keep.parent.iterdir()):
        with contextlib.suppress(OSError):
            if path.name.startswith(_UNFINISHED) and now - path.lstat().st_mtime > KEPT_SECONDS:
                _remove(path)
            elif path != keep and _FOLDER.fullmatch(path.name):
                _clear(path, now)


def _clear(folder: Path, now: float) -> None:
    descriptor = _open_lock(folder)
    try:
        if now - os.fstat(descriptor).st_mtime <= KEPT_SECONDS or not _locked(descriptor):
            return
        _remove(folder)
        for beside in (folder.with_name(f"{folder.name}.sums"), _lock_of(folder)):
            beside.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _open_lock(folder: Path) -> int:
    return os.open(_lock_of(folder), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _remove(folder: Path) -> None:
    for root, _folders, _names in os.walk(folder):
        with contextlib.suppress(OSError):
            Path(root).chmod(0o700)  # made read-only for whoever is not root
    shutil.rmtree(folder, ignore_errors=True)
