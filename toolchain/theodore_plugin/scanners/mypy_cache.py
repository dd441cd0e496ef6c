"""mypy's own incremental cache, kept between checks so that nobody's source can spoil another's answer.

Two kinds of entries:

- of the *base*: the SDK and the part of the standard library most plugins need, written by a run that saw nothing
  else;
- of one *project*: written while mypy looked at that project, and given back to that project alone.

A run gets a copy in its own scratch folder. What it leaves there is kept only if mypy reached its end, whole or not
at all, under the key of the project it looked at. So what hostile source may make of mypy reaches later checks of the
same project only, and no verdict that is signed: those start from nothing (``Settings.incremental``).
mypy compares every file with the digest in its cache; :mod:`.mypy_copy` sees to it that it does.
"""

from __future__ import annotations

import json
import platform
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from theodore_plugin.distributions.model import Unreadable
from theodore_plugin.distributions.reading import MIB, read_regular
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.tools import installed_version
from theodore_plugin.store.catalogue import MYPY
from theodore_plugin.store.store import Store, key_of

MAX_BYTES = 48 * MIB
"""Of one entry. mypy never takes anything out of its cache; one that has grown too large is begun again."""

_DATABASE = re.compile(r"cache(\.\d{1,3})?\.db")
_MAX_DATABASES = 64
_FORM = "2"
_CHECKS_BEFORE_BASE = 2
_BASE_SECONDS = 60.0
"""After this long, whoever was making the base was interrupted."""
_NOTHING = b""


@dataclass(frozen=True, slots=True)
class MypyCache:
    """What may be given to mypy, and where what it makes of it is kept."""

    store: Store
    base: str
    """Key of everything all projects share."""
    project: str | None
    """Key of one project; ``None`` keeps nothing."""

    def fetch(self) -> bytes | None:
        """Return the project's entry, or else the base's."""
        own = self.store.get(self.project) if self.project else None
        return own or self.store.get(self.base) or None

    def keep(self, databases: bytes | None) -> None:
        """Keep what a run left, if it is usable; else whatever was kept before is dropped."""
        if self.project:
            self.store.put(self.project, databases or _NOTHING)
            self.store.trim()

    def forget(self) -> None:
        """Drop whatever :meth:`fetch` returned: mypy could not work with it."""
        for key in (self.project, self.base):
            if key:
                self.store.put(key, _NOTHING)

    def base_pays(self) -> bool:
        """Return whether to make the base now.

        Making it costs what two checks save by it, so the first checks of all leave a mark and go on; and one is
        enough where several checks run at once.
        """
        if self.store.get(self.base):
            return False
        marks = [key_of("mypy base wanted", self.base, str(number)) for number in range(_CHECKS_BEFORE_BASE)]
        for mark in marks:
            if self.store.get(mark) is None:
                self.store.put(mark, _NOTHING)
                return False
        return self._first_to_make_it()

    def _first_to_make_it(self) -> bool:
        mark, now = key_of("mypy base under way", self.base), time.time()
        begun = self.store.get(mark)
        if begun and abs(now - float(begun)) < _BASE_SECONDS:
            return False
        self.store.put(mark, str(now).encode())
        return True

    def keep_base(self, databases: bytes) -> None:
        """Keep what a run over nothing but the SDK left."""
        self.store.put(self.base, databases)


def cache_of(project: PluginProject, base: tuple[str, ...], types: str) -> MypyCache | None:
    """Return the caches for one project; ``None`` where there is no folder that only this user can write.

    ``base`` is everything besides mypy and Python that decides what mypy makes of the SDK; ``types`` the fingerprint
    of the dependencies' types.
    """
    store = MYPY.opened()
    if store is None:
        return None
    shared = key_of("mypy base", _FORM, installed_version("mypy"), platform.python_version(), sys.platform, *base)
    root = project.root.resolve()
    own = key_of("mypy project", shared, str(root), project.name or "", types) if root.exists() else None
    return MypyCache(store, shared, own)


def pack(folder: Path) -> bytes | None:
    """Return mypy's databases in one piece; ``None`` if they were not closed properly, or are too large."""
    try:
        found = {path.name: path for path in sorted(folder.iterdir())}
        if len(found) > _MAX_DATABASES or not all(map(_DATABASE.fullmatch, found)):
            return None  # what else SQLite leaves there belongs to a database that was not closed
        contents = {name: read_regular(path, MAX_BYTES) for name, path in found.items() if not path.is_symlink()}
    except (OSError, Unreadable):
        return None
    sizes = [[name, len(data)] for name, data in contents.items()]
    packed = json.dumps(sizes).encode() + b"\n" + b"".join(contents.values())
    return packed if contents and len(packed) <= MAX_BYTES else None


def unpack(packed: bytes, folder: Path) -> None:
    """Write what :func:`pack` returned. Raises ValueError for anything else."""
    for name, data in _members(packed):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _members(packed: bytes) -> Iterator[tuple[str, bytes]]:
    head, _, rest = packed.partition(b"\n")
    start = 0
    for name, size in json.loads(head):
        if not isinstance(name, str) or not isinstance(size, int) or not _DATABASE.fullmatch(name):
            raise ValueError("no cache of mypy's")
        yield name, rest[start : start + size]
        start += size
