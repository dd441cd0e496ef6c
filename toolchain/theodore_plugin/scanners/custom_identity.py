"""Whether a tool is still the same: the state of the files that make it up, without reading them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from itertools import chain

MAX_FILES = 20_000
"""An installation of more files is taken for changed; looking at them would take as long as running the tool."""


class TooMany(Exception):
    """More files than are worth looking at."""


def identity(paths: Iterable[str], listed: Iterable[str] = ()) -> str:
    """Return a digest of names, sizes and times of files and of everything in folders; what is not there counts too.

    Of the folders in ``listed`` only the entries themselves count: installing or removing a Python package changes
    those of ``site-packages``. The time is that of the last change of status, which no program can set back.

    Raises :class:`TooMany`, and OSError for a folder that cannot be listed.
    """
    digest = hashlib.sha256()
    entries = (entry.path for folder in listed for entry in sorted(os.scandir(folder), key=lambda one: one.name))
    for number, path in enumerate(chain(_everything(paths), entries)):
        if number >= MAX_FILES:
            raise TooMany(path)
        digest.update(f"{path}\0{_state(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _everything(paths: Iterable[str]) -> Iterator[str]:
    pending = sorted({os.path.realpath(path) for path in paths}, reverse=True)
    while pending:
        path = pending.pop()
        yield path
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - strings, of which there are many
            pending += sorted((entry.path for entry in os.scandir(path)), reverse=True)


def _state(path: str) -> str:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return "absent"
    size = status.st_size if stat.S_ISREG(status.st_mode) else ""
    return f"{status.st_mode} {size} {status.st_ino} {status.st_ctime_ns}"
