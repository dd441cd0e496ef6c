"""What plugins print and log, kept on disk for whoever looks later: one JSON line a record, bounded, two files.

Convenience, not evidence (that is the access log): a record that cannot be written is counted and left out, and the
plugin goes on. Several hosts may write to one file; a line is written in one call to a file opened for appending.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any

from theodore_loader.paths import private_dir
from theodore_loader.supervise.surroundings import LogRecord, OnLog

SUFFIX = ".log.jsonl"
MAX_BYTES = 4 * 1024 * 1024
"""A file that has reached this becomes ``.1``; the one before it is gone."""
MAX_TEXT = 8192
_FIELDS: Mapping[str, type | UnionType] = {"ts": int | float, "source": str, "level": int, "text": str}


class PluginLogs:
    """Writes every record to ``<folder>/<plugin>.log.jsonl`` and hands it on.

    Use from one thread, the event loop's.
    """

    def __init__(self, folder: Path, hand_on: OnLog) -> None:
        self._folder = folder
        self._hand_on = hand_on
        self._open: dict[str, int] = {}
        self.lost = 0

    def __call__(self, record: LogRecord) -> None:
        """Keep one record."""
        try:
            self._append(record)
        except OSError:
            self.lost += 1
        self._hand_on(record)

    def close(self) -> None:
        """Close every file; a later record opens its file again."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _append(self, record: LogRecord) -> None:
        entry = {
            "ts": round(time.time(), 3),
            "plugin": record.plugin,
            "source": record.source[:256],
            "level": record.level,
            "text": record.text[:MAX_TEXT],
        }
        line = json.dumps(entry, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        descriptor = self._file(record.plugin)
        if os.fstat(descriptor).st_size + len(line) > MAX_BYTES:
            descriptor = self._rotated(record.plugin)
        os.write(descriptor, line)

    def _file(self, plugin: str) -> int:
        if plugin not in self._open:
            self._open[plugin] = _opened(log_path(private_dir(self._folder), plugin))
        return self._open[plugin]

    def _rotated(self, plugin: str) -> int:
        path = log_path(self._folder, plugin)
        old = self._open.pop(plugin)
        try:
            if _is_at(old, path):  # else another host has done it
                path.replace(older(path))
        finally:
            os.close(old)
        return self._file(plugin)


def log_path(folder: Path, plugin: str) -> Path:
    """Return where the records of ``plugin`` are."""
    return folder / f"{plugin}{SUFFIX}"


def older(path: Path) -> Path:
    """Return where the records before those in ``path`` are."""
    return path.with_name(path.name + ".1")


def parse(line: bytes) -> dict[str, Any] | None:
    """Return one record, or ``None`` for a torn or foreign line."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(entry, dict) and all(isinstance(entry.get(key), kind) for key, kind in _FIELDS.items())
    return entry if whole else None


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a log, oldest first, those of the file before it too."""
    for file in (older(path), path):
        if file.exists():
            with file.open("rb") as lines:
                yield from (entry for line in lines if (entry := parse(line)) is not None)


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
