"""Reading an access log, whoever may have written into it since: a line that is no record is counted and left out."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from theodore_loader.regular_file import open_regular

MAX_LINE = 64 * 1024
"""More than any record takes: its texts are cut before they are written."""

_FIELDS = {"seq": int, "permission": str, "resource": str, "decision": str}
_log = logging.getLogger("theodore_loader.access_log")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a log file; nothing when there is none.

    A torn last line (power loss, or it is being written) is left out, and so is every line that is no record: how
    many, is a warning of the logger ``theodore_loader.access_log`` at the end.

    Raises:
        OSError: it is no regular file, or cannot be read; the file is named.

    """
    if not path.exists():
        return
    damaged = 0
    with _opened(path) as file:
        for line in _lines(file):
            entry = _record(line)
            if entry is None:
                damaged += 1
            else:
                yield entry
    if damaged:
        _log.warning("%s: lines that are no records of an access log, left out: %d", path, damaged)


def broken_at(path: Path, prev: str | None = None) -> int | None:
    """Return the number of the first line that does not continue the chain, or ``None`` for a whole chain.

    ``prev`` is the digest the first line must carry, where it is known.

    Raises:
        OSError: it is no regular file, or cannot be read; the file is named.

    """
    with _opened(path) as file:
        for number, line in enumerate(_lines(file, torn=True), 1):
            entry = _object(line)
            if entry is None or (prev is not None and entry.get("prev") != prev):
                return number
            prev = hashlib.sha256(line).hexdigest()
    return None


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(open_regular(path), "rb")


def _lines(file: IO[bytes], *, torn: bool = False) -> Iterator[bytes]:
    """Yield whole lines, what is too long as an empty one; the last one also without its end if ``torn``."""
    while line := file.readline(MAX_LINE):
        if line.endswith(b"\n"):
            yield line
        elif len(line) == MAX_LINE:
            _skip(file)
            yield b""
        elif torn:
            yield line


def _skip(file: IO[bytes]) -> None:
    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def _record(line: bytes) -> dict[str, Any] | None:
    entry = _object(line)
    if entry is None or not all(isinstance(entry.get(key), kind) for key, kind in _FIELDS.items()):
        return None
    return entry


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
