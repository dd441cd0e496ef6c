"""The advisory database: one SQLite file that is written once, sealed, and from then on only replaced as a whole.

Because nobody ever writes to it in place, it is opened as immutable: no locks, no journal, readable on read-only
storage, by any number of processes, while another one replaces it.

The seal is a CRC-32 over the whole file with the seal's own four bytes as zero; they are the header's "user version",
which SQLite leaves to applications (https://www.sqlite.org/fileformat.html, section 1.3). It finds damage that would
otherwise look like a package without advisories. It is no protection from this user, nor meant as one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.utils import canonicalize_name

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import refuse_writable_by_others
from theodore_plugin.advisories.affected import Affected

SCHEMA = """
PRAGMA application_id = 0x54484156;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE about (document TEXT NOT NULL);
CREATE TABLE advisory (
    id TEXT PRIMARY KEY, modified TEXT NOT NULL, digest TEXT NOT NULL, withdrawn INTEGER NOT NULL, content TEXT NOT NULL
);
CREATE TABLE affects (package TEXT NOT NULL, advisory TEXT NOT NULL, PRIMARY KEY (package, advisory)) WITHOUT ROWID;
"""
FRESH = "theodore-plugin advisories update, or theodore-plugin advisories import FILE"

_SEAL = slice(60, 64)
_MAGIC = b"SQLite format 3\0"
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class About:
    """What the data is: where from, its digest (``build``), the newest ``modified``, and how much of it.

    ``withdrawn``, ``foreign`` (other ecosystems) and ``repeated`` records were read and are not counted in ``records``.
    """

    source: str
    digest: str
    date: str
    imported: str
    records: int
    packages: int
    withdrawn: int
    foreign: int
    repeated: int
    etag: str


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory as far as it concerns one package; ``fixed`` lists the fixed versions, ascending."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: str
    fixed: tuple[str, ...]


class Database:
    """An open database; may be asked from several threads."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, whole and sound. Raises ConfigurationProblem saying what is wrong and what helps."""
        self._path = path
        _refuse_unsound(path)
        self._connection = _connect(path)
        self._turn = threading.Lock()
        self.about = _about(self._connection, path)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def affecting(self, name: str, version: str) -> tuple[Advisory, ...]:
        """Return the advisories that affect this version of this package, by id. Raises sqlite3.Error."""
        package = canonicalize_name(name)
        return tuple(
            _advisory(identifier, content, affected)
            for identifier, content, affected in self._candidates(package)
            if affected.covers(version)
        )

    def _candidates(self, package: str) -> list[tuple[str, dict[str, Any], Affected]]:
        query = "SELECT id, content FROM affects JOIN advisory ON id = advisory WHERE package = ? ORDER BY id"
        with self._turn:
            rows = self._connection.execute(query, (package,)).fetchall()
        found = [(identifier, json.loads(content)) for identifier, content in rows]
        return [(identifier, content, _affected(content["affected"][package])) for identifier, content in found]


def about(path: Path) -> About:
    """Read what a database says about itself, without looking at the rest. Raises ConfigurationProblem."""
    connection = _connect(path)
    try:
        return _about(connection, path)
    finally:
        connection.close()


def seal(path: Path) -> None:
    """Write the seal into a closed database and bring it to the disk."""
    value = _crc(path)
    with path.open("r+b") as file:
        file.seek(_SEAL.start)
        file.write(value.to_bytes(4, "big"))
        file.flush()
        os.fsync(file.fileno())


def _refuse_unsound(path: Path) -> None:
    try:
        with path.open("rb") as file:
            if hasattr(os, "geteuid"):
                refuse_writable_by_others(os.fstat(file.fileno()), path)
            header = file.read(_SEAL.stop)
    except FileNotFoundError:
        raise missing(path) from None
    if not header.startswith(_MAGIC) or int.from_bytes(header[_SEAL], "big") != _crc(path):
        raise _damaged(path, "its checksum does not hold")


def _crc(path: Path) -> int:
    with path.open("rb") as file:
        head = bytearray(file.read(_SEAL.stop))
        head[_SEAL] = bytes(4)
        value = zlib.crc32(head)
        while chunk := file.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return value


def _connect(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise missing(path)
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def _about(connection: sqlite3.Connection, path: Path) -> About:
    try:
        (document,) = connection.execute("SELECT document FROM about").fetchone()
        values = json.loads(document)
        return About(**{field.name: values[field.name] for field in fields(About)})
    except (sqlite3.Error, ValueError, KeyError, TypeError) as problem:
        raise _damaged(path, str(problem)) from None


def missing(path: Path) -> ConfigurationProblem:
    """Return the error for a database that is not there."""
    return ConfigurationProblem(f"there is no local advisory database ({path})", help=FRESH)


def _damaged(path: Path, problem: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"{path}: the advisory database is damaged ({problem})", help=f"replace it: {FRESH}")


def _affected(content: list[Any]) -> Affected:
    versions, ranges = content
    return Affected(tuple(versions), tuple(tuple((kind, text) for kind, text in events) for events in ranges))


def _advisory(identifier: str, content: dict[str, Any], affected: Affected) -> Advisory:
    return Advisory(identifier, tuple(content["aliases"]), content["summary"], content["severity"], affected.fixed())
