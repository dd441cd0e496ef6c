"""An OSV snapshot: one record per line (``.jsonl`` or ``.jsonl.gz``), indexed by package in memory.

The record format is the Open Source Vulnerability schema 1.x (https://ossf.github.io/osv-schema/). A version
is affected if it is listed, or lies in a range of type ECOSYSTEM; withdrawn records are dropped; names are
compared in their PEP 503 form; versions that are not PEP 440 are compared as text only.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from theodore_loader.errors import ConfigurationProblem

MAX_BYTES = 512 * 2**20
"""Unpacked size above which a file is no snapshot of ours (all of PyPI is about 40 MB)."""

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Records by canonical package name.

    ``digest`` is the SHA-256 of the file, ``date`` the newest ``modified`` stamp in it (ISO 8601).
    """

    records: Mapping[str, tuple[Record, ...]]
    digest: str
    date: str
    source: str

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read a snapshot; raise ConfigurationProblem naming file, line and remedy if it is none."""
        data = _read(path)
        records = list(_records(data, path))
        if not records:
            raise ConfigurationProblem(f"{path}: holds no advisory at all", help=_HELP)
        date = max((str(record["modified"]) for record in records), key=datetime.fromisoformat)
        return cls(_index(records), hashlib.sha256(path.read_bytes()).hexdigest(), date, path.name)

    def affecting(self, name: str, version: str) -> list[Record]:
        """Return the advisories that affect this version of this package."""
        candidates = self.records.get(canonicalize_name(name), ())
        return [record for record in candidates if _affects(record, canonicalize_name(name), version)]


_HELP = "give an OSV snapshot: one JSON record per line, .jsonl or .jsonl.gz"


def _read(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        data = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_BYTES + 1) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise ConfigurationProblem(f"{path}: there is no such advisory snapshot", help=_HELP) from None
    except (gzip.BadGzipFile, EOFError) as problem:
        raise ConfigurationProblem(f"{path}: not a complete gzip file ({problem})", help=_HELP) from None
    if len(data) > MAX_BYTES:
        raise ConfigurationProblem(f"{path}: larger than {MAX_BYTES // 2**20} MiB unpacked", help=_HELP)
    return data


def _records(data: bytes, path: Path) -> Iterator[Record]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as problem:
            raise ConfigurationProblem(f"{path}:{number}: not JSON ({problem})", help=_HELP) from None
        if not _is_record(record):
            raise ConfigurationProblem(
                f"{path}:{number}: not a record of OSV schema 1 (id, modified, affected)", help=_HELP
            )
        if not record.get("withdrawn"):
            yield record


def _is_record(record: object) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("affected"), list):
        return False
    if not all(isinstance(affected, dict) for affected in record["affected"]):
        return False
    if str(record.get("schema_version", "1.0.0")).partition(".")[0] != "1":
        return False  # auditors pass over records of a version they do not know
    return isinstance(record.get("id"), str) and _is_stamp(record.get("modified"))


def _is_stamp(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _index(records: list[Record]) -> Mapping[str, tuple[Record, ...]]:
    index: dict[str, dict[str, Record]] = defaultdict(dict)
    for record in records:
        for name in _packages(record):
            index[name][str(record["id"])] = record
    return {name: tuple(found.values()) for name, found in index.items()}


def _packages(record: Record) -> set[str]:
    packages = [affected.get("package") or {} for affected in record["affected"]]
    return {canonicalize_name(str(package["name"])) for package in packages if package.get("ecosystem") == "PyPI"}


def _affects(record: Record, name: str, version: str) -> bool:
    for affected in record["affected"]:
        if canonicalize_name(str((affected.get("package") or {}).get("name", ""))) != name:
            continue
        if version in affected.get("versions", ()) or _in_ranges(affected.get("ranges", ()), version):
            return True
    return False


def _in_ranges(ranges: list[Mapping[str, Any]], version: str) -> bool:
    parsed = _version(version)
    if parsed is None:
        return False
    return any(_in_range(found.get("events", ()), parsed) for found in ranges if found.get("type") == "ECOSYSTEM")


def _in_range(events: list[Mapping[str, str]], version: Version) -> bool:
    """Walk the events in version order, as the OSV evaluation algorithm does; unreadable bounds are left out."""
    affected = False
    for bound, kind in sorted(_bounds(events), key=lambda event: event[0]):
        if kind == "introduced" and version >= bound:
            affected = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            affected = False
    return affected


def _bounds(events: list[Mapping[str, str]]) -> Iterator[tuple[Version, str]]:
    for event in events:
        for kind, text in event.items():
            bound = Version("0.dev0") if text == "0" and kind == "introduced" else _version(text)
            if bound is not None:
                yield bound, kind


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
