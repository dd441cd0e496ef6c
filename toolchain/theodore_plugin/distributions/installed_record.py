"""RECORD of an installed distribution: which files are its own, and which digest each had when it was installed.

Installers add rows (scripts outside the import folder, ``INSTALLER``, compiled bytecode without a digest), so
this reader is less strict than the one for wheels; what it cannot believe it names instead of passing over.
Source: PyPA *Recording installed projects*.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from theodore_plugin.project import UnreadableFile

MAX_ROWS = 500_000
_WEAK = ("md5", "sha1")


@dataclass(frozen=True, slots=True)
class Record:
    """The rows that lie below the import folder, and what was wrong with others."""

    digests: Mapping[str, tuple[str, str] | None]
    """Algorithm and hex digest by path; ``None`` where RECORD states none (or a weak one)."""
    gaps: tuple[UnreadableFile, ...] = ()


def read_record(data: bytes, name: str) -> Record:
    """Read RECORD; ``name`` is how it is called in gaps."""
    rows: dict[str, tuple[str, str] | None] = {}
    gaps: list[UnreadableFile] = []
    try:
        for number, row in enumerate(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True), start=1):
            if number > MAX_ROWS:
                gaps.append(UnreadableFile(name, f"lists more than {MAX_ROWS} files"))
                break
            _take(row, number, name, rows, gaps)
    except (UnicodeDecodeError, csv.Error) as defect:
        gaps.append(UnreadableFile(name, f"cannot be read: {defect}"))
    return Record(rows, tuple(gaps))


def _take(
    row: list[str],
    number: int,
    name: str,
    rows: dict[str, tuple[str, str] | None],
    gaps: list[UnreadableFile],
) -> None:
    if not row:
        return
    path = row[0].replace("\\", "/")
    if len(row) != 3 or not path or "\0" in path:
        gaps.append(UnreadableFile(name, f"line {number} does not name a file, its digest and its size"))
    elif _is_outside(path):
        return  # scripts and data go elsewhere (../../../bin/x); no import reaches them
    elif path in rows and rows[path] != _digest(row[1]):
        gaps.append(UnreadableFile(path, f"{name} lists it twice, with different digests"))
        rows[path] = None
    else:
        rows[path] = _digest(row[1])


def _is_outside(path: str) -> bool:
    return path.startswith("/") or ".." in path.split("/") or path[1:2] == ":"


def _digest(stated: str) -> tuple[str, str] | None:
    algorithm, _, value = stated.partition("=")
    if not value or algorithm in _WEAK:
        return None
    try:
        return algorithm, base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    except (binascii.Error, ValueError):
        return algorithm, ""
