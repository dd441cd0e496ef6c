"""The records of plugins' logs as ``logs`` shows them: the last ones, those that follow, each as text or JSON."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

from rich.text import Text

from theodore_loader.regular_file import open_regular
from theodore_loader.supervise import plugin_log
from theodore_plugin.cli.console import visible

POLL_SECONDS = 0.2
MAX_LINE = 256 * 1024
"""More than any record takes, in bytes."""
MAX_FILE = 16 * 1024 * 1024
"""So much of the end of a file is looked at; a log is exchanged for a new one long before."""
_COLOURS = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "bold red"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records of which file."""

    path: Path
    access: bool
    level: int
    denied: bool

    def record(self, line: bytes) -> dict[str, Any] | None:
        """Return the record in ``line`` if it is whole and wanted."""
        if not self.access:
            entry = plugin_log.parse(line)
            return entry if entry is not None and entry["level"] >= self.level else None
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return None
        decision = entry.get("decision") if isinstance(entry, dict) else None
        if not isinstance(decision, str) or (self.denied and decision != "deny"):
            return None
        return cast("dict[str, Any]", entry)


def last(wanted: Wanted, count: int) -> list[dict[str, Any]]:
    """Return the last ``count`` records, those of the file before this one too."""
    kept: deque[dict[str, Any]] = deque(maxlen=count)
    for path in (plugin_log.older(wanted.path), wanted.path):
        if path.exists():
            with _opened(path) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - MAX_FILE))
                kept.extend(entry for line in _whole_lines(file) if (entry := wanted.record(line)) is not None)
    return list(kept)


def followed(wanted: Wanted, count: int) -> Iterator[dict[str, Any]]:
    """Yield the last ``count`` records and then what is added, without an end; a rotated file is followed."""
    file = _opened(wanted.path)
    try:
        file.seek(0, 2)
        yield from last(wanted, count)
        while True:
            for line in _whole_lines(file):
                if (entry := wanted.record(line)) is not None:
                    yield entry
            time.sleep(POLL_SECONDS)
            file = _current(file, wanted.path)
    finally:
        file.close()


def _opened(path: Path) -> IO[bytes]:
    """Open a log. Raises OSError, naming the file, for what is none: a pipe would be waited for without end."""
    return os.fdopen(open_regular(path), "rb")


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what ends in a newline, and pieces of what is longer than any record."""
    while (line := file.readline(MAX_LINE)).endswith(b"\n") or len(line) == MAX_LINE:
        yield line
    file.seek(-len(line), 1)  # the rest of it is being written


def _current(file: IO[bytes], path: Path) -> IO[bytes]:
    """Return the file that is at ``path`` now, from its beginning when it is another one."""
    try:
        if os.path.samestat(os.fstat(file.fileno()), path.stat()) or _unread(file):
            return file
        fresh = _opened(path)
    except FileNotFoundError:  # between two files
        return file
    file.close()
    return fresh


def _unread(file: IO[bytes]) -> bool:
    return file.tell() < os.fstat(file.fileno()).st_size


def as_json(entry: dict[str, Any]) -> str:
    """Return a record as it is kept."""
    return json.dumps(entry, ensure_ascii=True, separators=(",", ":"))


def as_text(entry: dict[str, Any]) -> Text:
    """Return a record as one line; what a stranger wrote is made visible."""
    return _access(entry) if "decision" in entry else _said(entry)


def _said(entry: dict[str, Any]) -> Text:
    level = max((known for known in _COLOURS if known <= entry["level"]), default=0)
    name = logging.getLevelName(entry["level"]).lower()
    said = visible(entry["text"])
    clock = _clock(lambda: datetime.fromtimestamp(entry["ts"], UTC))
    return Text.assemble(
        (clock, "dim"), f" {name[:8]:<8} ", (visible(entry["source"]), "cyan"), " ", (said, _COLOURS.get(level, ""))
    )


def _access(entry: dict[str, Any]) -> Text:
    denied = entry["decision"] == "deny"
    parts = [str(entry.get(key, "")) for key in ("permission", "resource")]
    where = f" at {entry['location']}" if "location" in entry else ""
    times = f" x{entry['n']}" if "n" in entry else ""
    detail = f" ({entry['detail']})" if "detail" in entry else ""
    clock = _clock(lambda: datetime.fromisoformat(entry["ts"]))
    word = ("denied ", "red") if denied else ("allowed", "green")
    text = visible(f" {' '.join(parts)}{where}{times}{detail} [{entry.get('source', '')}]")
    return Text.assemble((clock, "dim"), " ", word, text)


def _clock(read: Callable[[], datetime]) -> str:
    """Return a record's time of day; a damaged file may hold anything in its place."""
    try:
        return read().astimezone().strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return "??:??:??.???"
