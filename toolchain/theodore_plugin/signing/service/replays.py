"""Which tokens have been used: one SQLite file, so that neither a restart nor a second worker forgets."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem

_WAIT_SECONDS = 10.0


class Replays:
    """The used tokens that could still be used again; those that have expired are forgotten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS by_expiry ON used (expires)")

    def first_use(self, token: bytes, expires: int, now: int) -> bool:
        """Note the use of ``token``, which holds until ``expires``; false if it was used before.

        The note is on the disk before the answer is given.
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM used WHERE expires < ?", (now,))
            noted = connection.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (token, expires)).rowcount
            connection.execute("COMMIT")
            return noted == 1

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise ConfigurationProblem(
                f"the record of used tokens {self._path} cannot be used: {error}",
                help="check the free space and the folder's permissions; restore a damaged file from a backup",
            ) from error
