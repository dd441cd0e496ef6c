"""The instance's transparency logs: append-only Merkle trees in one SQLite file.

Three trees live in it: ``rekor`` (signatures, Rekor v1), ``rekor2`` (signatures, Rekor v2) and ``ct`` (issued
certificates). Appending, reading the new head and the inclusion proof is one ``BEGIN IMMEDIATE`` transaction, so
several processes may sign at once; WAL with full synchronisation, because an entry that was promised must survive a
power cut.

Every append holds the tree against the last checkpoint that was issued (:mod:`issued`): a log file that was cut,
rewritten or put back from an older copy takes no further entry.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.signing.local import merkle
from theodore_plugin.signing.local.issued import Head, Issued

Tree = Literal["rekor", "rekor2", "ct"]
TREES: tuple[Tree, ...] = get_args(Tree)
_WAIT_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    tree TEXT NOT NULL, position INTEGER NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tree, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (
    tree TEXT NOT NULL, level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (tree, level, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS leaf ON node (tree, hash) WHERE level = 0;
"""
_RESTORE = "put the folder back from its newest backup; if there is none: theodore-plugin trust rotate"


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an entry went: its position, the tree's size and head just after, and the audit path."""

    index: int
    size: int
    root: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A logged entry and when it was taken in, in seconds since the epoch."""

    body: bytes
    time: int


class Log:
    """One log file. Methods open their own short connection, so an instance may be shared by threads."""

    def __init__(self, path: Path, origins: Mapping[Tree, str]) -> None:
        self._path = path
        self.issued = {tree: Issued(path.with_name(f"{tree}.checkpoints"), origins[tree]) for tree in TREES}

    def create(self) -> None:
        """Create the file, readable by its owner only, its tables, and the files of issued checkpoints."""
        os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        for issued in self.issued.values():
            issued.create()

    def append(self, tree: Tree, body: bytes, time: int) -> Appended:
        """Append ``body`` with its ``time`` (seconds since the epoch) and prove that it is in.

        Raises ConfigurationProblem where the tree does not continue the last checkpoint that was issued.
        """
        with self._transaction() as connection:
            node = _reader(connection, tree)
            index = _size(connection, tree)
            self._refuse_rewritten(connection, tree, index)
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

    def head_at(self, tree: Tree, size: int) -> Head:
        """Return the head ``tree`` had when it held ``size`` entries; raises IndexError if it never did."""
        with self._connection() as connection:
            if not 0 <= size <= _size(connection, tree):
                raise IndexError(f"{tree} never held {size} entries")
            return Head(size, merkle.root_hash(_reader(connection, tree), size))

    def entry(self, tree: Tree, index: int) -> Entry:
        """Return one entry; raises IndexError."""
        with self._connection() as connection:
            query = "SELECT body, time FROM entry WHERE tree = ? AND position = ?"
            row = connection.execute(query, (tree, index)).fetchone()
        if row is None:
            raise IndexError(f"{tree} has no entry {index}")
        return Entry(bytes(row[0]), int(row[1]))

    def find(self, tree: Tree, leaf_hash: bytes) -> int | None:
        """Return where the entry of this leaf hash is, the first of several."""
        with self._connection() as connection:
            query = "SELECT min(position) FROM node WHERE tree = ? AND level = 0 AND hash = ?"
            (position,) = connection.execute(query, (tree, leaf_hash)).fetchone()
        return None if position is None else int(position)

    def inclusion(self, tree: Tree, index: int, size: int) -> tuple[bytes, ...]:
        """Prove that entry ``index`` is in the tree of ``size`` entries; raises IndexError."""
        with self._connection() as connection:
            _refuse_beyond(connection, tree, size)
            return tuple(merkle.inclusion_proof(_reader(connection, tree), index, size))

    def consistency(self, tree: Tree, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of ``old`` entries is a prefix of the tree of ``new`` entries; raises IndexError."""
        with self._connection() as connection:
            _refuse_beyond(connection, tree, new)
            return tuple(merkle.consistency_proof(_reader(connection, tree), old, new))

    def bodies(self, tree: Tree) -> list[bytes]:
        """Return every entry of ``tree`` in order."""
        with self._connection() as connection:
            rows = connection.execute("SELECT body FROM entry WHERE tree = ? ORDER BY position", (tree,))
            return [bytes(row[0]) for row in rows]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the file open. Whoever closes it last folds the write-ahead log into it, which costs several flushes."""
        with self._connection() as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            yield

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in a read transaction: everything read through it is of one moment."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            yield connection

    def _refuse_rewritten(self, connection: sqlite3.Connection, tree: Tree, size: int) -> None:
        last = self.issued[tree].last()
        if last is not None and (
            last.size > size or merkle.root_hash(_reader(connection, tree), last.size) != last.root
        ):
            what = f"holds {size} entries" if last.size > size else "has been rewritten"
            raise ConfigurationProblem(
                f"the transparency log {self._path} does not continue what it promised: "
                f"its tree {tree!r} {what}, a checkpoint over {last.size} was issued",
                help=_RESTORE,
            )
        self._refuse_damaged_end(connection, tree, size)

    def _refuse_damaged_end(self, connection: sqlite3.Connection, tree: Tree, size: int) -> None:
        if not size:
            return
        query = "SELECT body FROM entry WHERE tree = ? AND position = ?"
        (body,) = connection.execute(query, (tree, size - 1)).fetchone()
        if merkle.leaf_hash(bytes(body)) != _reader(connection, tree)(0, size - 1):
            raise ConfigurationProblem(
                f"the transparency log {self._path} is damaged: entry {size - 1} of {tree!r} was changed", help=_RESTORE
            )

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


def _refuse_beyond(connection: sqlite3.Connection, tree: Tree, size: int) -> None:
    if size > _size(connection, tree):
        raise IndexError(f"{tree} never held {size} entries")


def _reader(connection: sqlite3.Connection, tree: Tree) -> merkle.Node:
    def node(level: int, position: int) -> bytes:
        query = "SELECT hash FROM node WHERE tree = ? AND level = ? AND position = ?"
        row = connection.execute(query, (tree, level, position)).fetchone()
        if row is None:
            raise sqlite3.DatabaseError(f"node {level}/{position} of {tree} is missing; the log file is damaged")
        return bytes(row[0])

    return node
