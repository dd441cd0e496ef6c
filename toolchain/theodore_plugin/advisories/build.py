"""A new database out of the texts of a snapshot: streamed, complete or not at all.

Of several records with one id the newest ``modified`` wins; of two that are equally new the one whose canonical
form has the greater digest, so that the order of a file does not matter. Withdrawn records count for the date and
are then dropped. Records of other ecosystems are passed over and counted.

The digest of the data is the SHA-256 over one line ``<id> <sha256>`` (and a line feed) for each record kept, in
the order of ids, where ``<sha256>`` is that of the record as canonical JSON (sorted keys, no spaces, ASCII). It is
the same whatever file, archive or folder the records came in.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.advisories.database import SCHEMA, About, seal
from theodore_plugin.advisories.reading import HELP, Text
from theodore_plugin.advisories.record import DefectiveRecordError, Record, read_record

MAX_DEFECTS = 10
"""Listed before reading is given up."""

_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the texts came from; ``etag`` is what the server named this state of its file."""

    source: str
    imported: datetime
    etag: str = ""


@dataclass(slots=True)
class _Counts:
    read: int = 0
    foreign: int = 0
    repeated: int = 0
    withdrawn: int = 0


def build(path: Path, found: Iterable[Text], origin: Origin) -> About:
    """Write a database to ``path``, an empty file. Raises ConfigurationProblem listing the defects of the texts."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        counts = _stage(connection, found, origin.imported)
        about = _finish(connection, counts, origin)
        connection.execute("COMMIT")
    finally:
        connection.close()
    seal(path)
    return about


def _stage(connection: sqlite3.Connection, found: Iterable[Text], now: datetime) -> _Counts:
    counts, defects = _Counts(), []
    for text in found:
        counts.read += 1
        try:
            _keep(connection, read_record(text.data, now), counts)
        except DefectiveRecordError as defect:
            defects.append(f"{text.place}: {defect}")
            if len(defects) == MAX_DEFECTS:
                break
    if defects:
        raise ConfigurationProblem("\n".join(defects), help=f"nothing was imported; {HELP}")
    return counts


def _keep(connection: sqlite3.Connection, record: Record, counts: _Counts) -> None:
    if not record.affected:
        counts.foreign += 1
        return
    known = connection.execute("SELECT modified, digest FROM advisory WHERE id = ?", (record.id,)).fetchone()
    counts.repeated += known is not None
    if known is None or (record.modified, record.digest) > known:
        values = (record.id, record.modified, record.digest, record.withdrawn, _content(record))
        connection.execute("REPLACE INTO advisory VALUES (?, ?, ?, ?, ?)", values)


def _content(record: Record) -> str:
    shown = {"aliases": record.aliases, "summary": record.summary, "severity": record.severity}
    affected = {name: [of.versions, of.ranges] for name, of in record.affected.items()}
    return _COMPACT.encode({**shown, "affected": affected})


def _finish(connection: sqlite3.Connection, counts: _Counts, origin: Origin) -> About:
    """Index what is kept by package, and write what the database says about itself."""
    (date,) = connection.execute("SELECT max(modified) FROM advisory").fetchone()
    counts.withdrawn = connection.execute("DELETE FROM advisory WHERE withdrawn").rowcount
    digest = hashlib.sha256()
    kept = connection.execute("SELECT id, digest, content FROM advisory ORDER BY id")
    for identifier, own, content in kept:
        digest.update(f"{identifier} {own}\n".encode())
        rows = [(package, identifier) for package in json.loads(content)["affected"]]
        connection.executemany("INSERT INTO affects VALUES (?, ?)", rows)
    records, packages = connection.execute(
        "SELECT count(DISTINCT advisory), count(DISTINCT package) FROM affects"
    ).fetchone()
    if not records:
        raise ConfigurationProblem(
            f"{origin.source}: holds no advisory for a package of PyPI ({counts.read} records read)", help=HELP
        )
    about = About(
        source=origin.source,
        digest=digest.hexdigest(),
        date=date.replace(".000000Z", "Z"),
        imported=origin.imported.isoformat(timespec="seconds"),
        records=records,
        packages=packages,
        withdrawn=counts.withdrawn,
        foreign=counts.foreign,
        repeated=counts.repeated,
        etag=origin.etag,
    )
    connection.execute("INSERT INTO about VALUES (?)", (json.dumps(asdict(about)),))
    return about
