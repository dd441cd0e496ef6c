"""Where databases are, and how one takes the place of another: a private file, replaced by renaming.

A new database is built beside the old one under a name of its own and becomes the database in one step, so readers
see the old or the new one, whole, and a process that is killed leaves the old one and a draft that a later import
removes. Only the last step is taken in turns.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import home_dir, private_dir
from theodore_loader.whole_file import flush_folder
from theodore_plugin.advisories.database import About, Database

TURN_SECONDS = 60.0
_DRAFT = ".advisories-"
_ABANDONED_SECONDS = 24 * 3600.0


def database_path() -> Path:
    """Return where the local database is, or would be."""
    return home_dir() / "advisories.sqlite"


def replace(target: Path, fill: Callable[[Path], About], *, allow_older: bool) -> About:
    """Build a database with ``fill``, which is given an empty file, and put it in the place of ``target``.

    Raises ConfigurationProblem if it is older than the one that is there, or another process holds its turn for
    too long, and OSError, naming the file, for a full disk or a folder that cannot be written.
    """
    private_dir(target.parent)
    with draft(target.parent, ".sqlite") as path:
        filled = _filled(path, fill)
        with _turn(target):
            if not allow_older:
                _refuse_older(filled, target)
            path.replace(target)
            with contextlib.suppress(OSError):  # where folders cannot be synchronised
                flush_folder(target.parent)
    return filled


@contextmanager
def draft(folder: Path, suffix: str) -> Iterator[Path]:
    """Give an empty private file that is removed afterwards if it is still there; drafts of the dead go as well."""
    _remove_abandoned(folder)
    descriptor, name = tempfile.mkstemp(prefix=_DRAFT, suffix=suffix, dir=folder)
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def current(path: Path) -> About | None:
    """Return what a whole and sound database in place says of itself; ``None`` if there is none."""
    try:
        with Database(path) as database:
            return database.about
    except ConfigurationProblem:
        return None


def _filled(path: Path, fill: Callable[[Path], About]) -> About:
    try:
        return fill(path)
    except sqlite3.OperationalError as problem:  # the only operation that can fail here is writing
        code = errno.ENOSPC if problem.sqlite_errorcode == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(code, str(problem), str(path)) from problem


@contextmanager
def _turn(target: Path) -> Iterator[None]:
    try:
        with FileLock(target.with_name("advisories.lock"), timeout=TURN_SECONDS, mode=0o600):
            yield
    except Timeout:
        raise ConfigurationProblem(
            f"another process has been replacing {target} for more than {TURN_SECONDS:.0f} s",
            help="end that process, then import again; the old data is still in place",
        ) from None


def _refuse_older(new: About, target: Path) -> None:
    old = current(target)
    if old is not None and datetime.fromisoformat(new.date) < datetime.fromisoformat(old.date):
        raise ConfigurationProblem(
            f"{new.source} is dated {new.date}, older than the data in place ({old.date}, {old.source})",
            help="give a newer snapshot, or --allow-older if you mean to go back",
        )


def _remove_abandoned(folder: Path) -> None:
    before = time.time() - _ABANDONED_SECONDS
    for path in folder.glob(f"{_DRAFT}*"):
        with contextlib.suppress(OSError):  # another import may remove the same one
            if path.stat().st_mtime < before:
                path.unlink()
