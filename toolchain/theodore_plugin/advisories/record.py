"""One record of the Open Source Vulnerability format (https://ossf.github.io/osv-schema/, version 1.x), read once.

What decides which versions are affected is read strictly: a record that cannot be understood there is a defect of
the file, never a vulnerability less. What is only shown (summary, severity) counts as absent where it is malformed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from packaging.utils import canonicalize_name

from theodore_plugin.advisories.affected import Affected, Event
from theodore_plugin.advisories.cvss import severity

MAX_RECORD_BYTES = 16 * 2**20
"""Longest text of one record; the longest of 2,661 looked at has 15 KB."""

ECOSYSTEM = "PyPI"
_AHEAD = timedelta(days=1)
"""How far clocks may differ. Data from the future would never count as old."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SUMMARY_CHARACTERS = 300
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_CALLED = {"dict": "an object", "list": "a list", "str": "a string"}
_KINDS = ("introduced", "fixed", "last_affected", "limit")

Kind = TypeVar("Kind")


class DefectiveRecordError(ValueError):
    """The text is no usable record; says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the database keeps of an advisory.

    ``modified`` is UTC in one fixed-width form, so that text order is time order. ``digest`` is the SHA-256 of the
    whole record in canonical JSON. ``affected`` is by canonical package name and empty for other ecosystems.
    """

    id: str
    modified: str
    digest: str
    withdrawn: bool
    aliases: tuple[str, ...]
    summary: str
    severity: str
    affected: Mapping[str, Affected]


def read_record(text: bytes, now: datetime) -> Record:
    """Read one record. Raises DefectiveRecordError."""
    return _record(_parse(text), now)


def _parse(text: bytes) -> Mapping[str, Any]:
    if len(text) > MAX_RECORD_BYTES:
        raise DefectiveRecordError(f"longer than {MAX_RECORD_BYTES // 2**20} MiB")
    try:
        value = json.loads(text)
    except RecursionError:
        raise DefectiveRecordError("nested too deeply") from None
    except ValueError as problem:
        raise DefectiveRecordError(f"not JSON ({problem})") from None
    return _typed(value, dict, "the record")


def _record(value: Mapping[str, Any], now: datetime) -> Record:
    version = str(value.get("schema_version", "1.0.0"))
    if version.partition(".")[0] != "1":
        raise DefectiveRecordError(f"of schema version {version[:20]!r}; this release reads OSV 1.x")
    modified = _stamp(value.get("modified"), "modified")
    if modified > now + _AHEAD:
        raise DefectiveRecordError(
            f"modified lies in the future ({modified.isoformat()}); is this machine's clock right?"
        )
    return Record(
        id=_identifier(value.get("id")),
        modified=modified.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        digest=hashlib.sha256(_canonical(value)).hexdigest(),
        withdrawn=value.get("withdrawn") is not None and _stamp(value["withdrawn"], "withdrawn") <= now,
        aliases=tuple(sorted({text for text in _listed(value.get("aliases")) if _IDENTIFIER.fullmatch(text)})),
        summary=_summary(value),
        severity=severity(value),
        affected=_affected(value.get("affected")),
    )


def _canonical(value: Mapping[str, Any]) -> bytes:
    try:
        return _CANONICAL.encode(value).encode("ascii")
    except RecursionError:
        raise DefectiveRecordError("nested too deeply") from None


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise DefectiveRecordError("id is missing or not an advisory's id")
    return value


def _stamp(value: object, field: str) -> datetime:
    try:
        stamp = datetime.fromisoformat(_four_digit_year(value)) if isinstance(value, str) else None
        if stamp is not None and stamp.tzinfo is not None:
            return stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise DefectiveRecordError(f"{field} is missing or not a time with its zone (2024-01-31T12:00:00Z)")


def _four_digit_year(text: str) -> str:
    """Pad the year: the official data holds ``1-01-01T00:00:00Z``, a time that was never set."""
    year, dash, rest = text.partition("-")
    return f"{year.zfill(4)}{dash}{rest}"


def _summary(value: Mapping[str, Any]) -> str:
    texts = (value.get("summary"), value.get("details"))
    text = next((" ".join(text.split()) for text in texts if isinstance(text, str) and text.strip()), "")
    short = text if len(text) <= _SUMMARY_CHARACTERS else f"{text[: _SUMMARY_CHARACTERS - 1]}…"
    return short.encode("utf-8", "replace").decode()


def _affected(value: object) -> Mapping[str, Affected]:
    found: dict[str, Affected] = {}
    for entry in _typed(value if value is not None else [], list, "affected"):
        table = _typed(entry, dict, "an entry of affected")
        name = _package(table.get("package"))
        if name is not None:
            before = found.get(name, Affected())
            versions = tuple(_texts(table.get("versions"), "versions"))
            ranges = tuple(_ranges(table.get("ranges")))
            found[name] = Affected(before.versions + versions, before.ranges + ranges)
    return found


def _package(value: object) -> str | None:
    """Return the canonical name of a package of our ecosystem."""
    if value is None:
        return None
    package = _typed(value, dict, "package")
    ecosystem = _text(package.get("ecosystem"), "package.ecosystem")
    return canonicalize_name(_text(package.get("name"), "package.name")) if ecosystem == ECOSYSTEM else None


def _ranges(value: object) -> Iterator[tuple[Event, ...]]:
    for entry in _typed(value if value is not None else [], list, "ranges"):
        table = _typed(entry, dict, "a range")
        if _text(table.get("type"), "the type of a range") == "ECOSYSTEM":
            yield tuple(_events(table.get("events")))


def _events(value: object) -> Iterator[Event]:
    for entry in _typed(value, list, "events"):
        for kind, text in _typed(entry, dict, "an event").items():
            if kind in _KINDS:
                yield kind, _text(text, f"the version of {kind}")


def _texts(value: object, field: str) -> list[str]:
    texts = _typed(value if value is not None else [], list, field)
    if not all(isinstance(text, str) for text in texts) or not "".join(texts).isprintable():
        raise DefectiveRecordError(f"{field} holds something that is not a printable text")
    return texts


def _text(value: object, field: str) -> str:
    text = _typed(value, str, field)
    if not text.isprintable():
        raise DefectiveRecordError(f"{field} holds characters that cannot be printed")
    return text


def _typed(value: object, kind: type[Kind], field: str) -> Kind:
    if not isinstance(value, kind):
        raise DefectiveRecordError(f"{field} is not {_CALLED[kind.__name__]}")
    return value


def _listed(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
