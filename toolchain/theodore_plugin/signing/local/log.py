"""The instance's transparency logs: append-only Merkle trees in one SQLite file.

Two trees live in it: ``rekor`` (signatures) and ``ct`` (issued certificates). Appending, reading the new head and the
inclusion proof is one ``BEGIN IMMEDIATE`` transaction, so several processes may sign at once; WAL with full
synchronisation, because an entry that was promised must survive a power cut.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.signing.local import merkle

Tree = Literal["rekor", "ct"]
_WAIT_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    tree TEXT NOT NULL, position INTEGER NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tree, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (
    tree TEXT NOT NULL, level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (tree, level, position)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an entry went: its position, the tree's size and head just after, and the audit path."""

    index: int
    size: int
    root: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A tree's size and root hash at one moment."""

    size: int
    root: bytes


class Log:
    """One log file. Methods open their own short connection, so an instance may be shared by threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Create the file, readable by its owner only, and its tables."""
        os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)

    def append(self, tree: Tree, body: bytes, time: int) -> Appended:
        """Append ``body`` with its ``time`` (seconds since the epoch) and prove that it is in."""
        with self._transaction() as connection:
            node = _reader(connection, tree)
            index = _size(connection, tree)
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?)", (tree, index, time, body))
            for level, position, digest in merkle.grown(node, index, merkle.leaf_hash(body)):
                connection.execute("INSERT INTO node VALUES (?, ?, ?, ?)", (tree, level, position, digest))
            size = index + 1
            proof = tuple(merkle.inclusion_proof(node, index, size))
            return Appended(index, size, merkle.root_hash(node, size), proof)

    def head(self, tree: Tree) -> Head:
        """Return the current size and root of ``tree``."""
        with self._connection() as connection:
            size = _size(connection, tree)
            return Head(size, merkle.root_hash(_reader(connection, tree), size))

    def consistency(self, tree: Tree, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of ``old`` leaves is a prefix of the tree of ``new`` leaves."""
        with self._connection() as connection:
            return tuple(merkle.consistency_proof(_reader(connection, tree), old, new))

    def bodies(self, tree: Tree) -> list[bytes]:
        """Return every entry of ``tree`` in order."""
        with self._connection() as connection:
            rows = connection.execute("SELECT body FROM entry WHERE tree = ? ORDER BY position", (tree,))
            return [bytes(row[0]) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a log that vanished is an error, not an empty log. isolation_level=None: transactions begin where
        # the code says so, never implicitly.
        return sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True, timeout=_WAIT_SECONDS, isolation_level=None)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(self._connect()) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise ConfigurationProblem(
                f"the transparency log {self._path} cannot be used: {error}",
                help="check the free space and the folder's permissions; restore a damaged file from a backup",
            ) from error


def _size(connection: sqlite3.Connection, tree: Tree) -> int:
    (highest,) = connection.execute("SELECT max(position) FROM entry WHERE tree = ?", (tree,)).fetchone()
    return 0 if highest is None else int(highest) + 1


def _reader(connection: sqlite3.Connection, tree: Tree) -> merkle.Node:
    def node(level: int, position: int) -> bytes:
        query = "SELECT hash FROM node WHERE tree = ? AND level = ? AND position = ?"
        row = connection.execute(query, (tree, level, position)).fetchone()
        if row is None:
            raise sqlite3.DatabaseError(f"node {level}/{position} of {tree} is missing; the log file is damaged")
        return bytes(row[0])

    return node
