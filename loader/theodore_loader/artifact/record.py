"""RECORD: the wheel's own list of what it contains (PyPA *Binary distribution format*).

pip checks neither hashes nor extra files when it installs; this does: every file is listed exactly once,
with size and hash, and nothing is listed that is not there.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping

from theodore_loader.errors import InvalidWheel

_ALGORITHMS = ("sha256", "sha384", "sha512")
"""What the specification allows: SHA-256 or better."""


def check_record(entries: Mapping[str, bytes], dist_info: str) -> None:
    """Raise ``record-mismatch`` unless RECORD describes ``entries`` completely and truly."""
    for defect in record_defects(entries, dist_info):
        raise defect


def record_defects(entries: Mapping[str, bytes], dist_info: str, unread: Iterable[str] = ()) -> Iterator[InvalidWheel]:
    """Name every way in which RECORD does not describe ``entries`` completely and truly (``record-mismatch``).

    ``unread`` are further entries of the archive, of which nothing is known but the name.
    """
    record_name = f"{dist_info}/RECORD"
    if record_name not in entries:
        yield _mismatch(f"{record_name} is missing")
        return
    try:
        rows = _rows(entries[record_name], record_name)
    except InvalidWheel as unreadable:
        yield unreadable
        return
    yield from _name_defects(set(rows), {*entries, *unread})
    for name, (digest, size) in rows.items():
        if name == record_name:
            if digest or size:
                yield _mismatch("RECORD states a hash of itself, which cannot be true", name)
        elif name in entries and (defect := _row_defect(name, entries[name], digest, size)):
            yield defect


def record_line(name: str, content: bytes) -> str:
    """Return the RECORD line of one file, as this project writes it: SHA-256, quoted only where CSV needs it."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(
        [name, f"sha256={encoded_digest('sha256', content)}", len(content)]
    )
    return buffer.getvalue()


def encoded_digest(algorithm: str, content: bytes) -> str:
    """Return the digest the way RECORD writes it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()


def _rows(record: bytes, record_name: str) -> dict[str, tuple[str, str]]:
    try:
        lines = list(csv.reader(io.StringIO(record.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as defect:
        raise _mismatch(f"{record_name} cannot be read: {defect}") from None
    rows: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if len(line) != 3:
            raise _mismatch(f"{record_name} line {number} has {len(line)} columns instead of 3")
        if line[0] in rows:
            raise _mismatch(f"RECORD lists {line[0]!r} twice")
        rows[line[0]] = (line[1], line[2])
    return rows


def _name_defects(listed: set[str], present: set[str]) -> Iterator[InvalidWheel]:
    if extra := sorted(present - listed):
        yield _mismatch(f"{_named(extra)} in the archive but not in RECORD", extra[0])
    if absent := sorted(listed - present):
        yield _mismatch(f"{_named(absent)} in RECORD but not in the archive", absent[0])


def _row_defect(name: str, content: bytes, digest: str, size: str) -> InvalidWheel | None:
    algorithm, _, stated = digest.partition("=")
    if algorithm not in _ALGORITHMS:
        return _mismatch(f"RECORD gives no SHA-256 (or better) hash of {name!r}", name)
    if encoded_digest(algorithm, content) != stated:
        return _mismatch(f"{name!r} does not have the {algorithm} that RECORD states", name)
    if size != str(len(content)):
        return _mismatch(f"{name!r} has {len(content)} bytes, RECORD states {size or 'no size'!s}", name)
    return None


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 3} more are" if len(names) > 3 else " is" if len(names) == 1 else " are"
    return ", ".join(map(repr, names[:3])) + more


def _mismatch(message: str, entry: str | None = None) -> InvalidWheel:
    return InvalidWheel(
        "record-mismatch", message, help="rebuild the wheel; a file was changed, added or removed", entry=entry
    )
