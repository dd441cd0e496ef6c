"""The access log: one JSON line a decision, append-only, hash-chained, bounded.

Each line carries ``prev``, the SHA-256 of the line before it, so that a removed or changed line shows
(:func:`broken_at`). Text that came from a worker is escaped to ASCII and cut. ``trust`` says who observed: ``host``
(the broker) is evidence; ``worker`` (the audit hook, the kernel's refusals as the worker tells them) is what a
process said that may be hostile, and so is the plugin's line in every record. ``worker`` is the process it was: the
log goes on over restarts, and two workers write to it while one takes over from the other. At ``MAX_BYTES`` the file
becomes ``<name>.1`` and the chain goes on in a new one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import msgspec

from theodore_loader.broker.rate import TokenBucket
from theodore_loader.paths import private_dir
from theodore_loader.regular_file import open_regular
from theodore_loader.supervise.access_reading import MAX_LINE, broken_at, read

__all__ = ["AccessLog", "broken_at", "read"]

MAX_BYTES = 8 * 1024 * 1024
MAX_TEXT = 512
RECORDS_PER_SECOND = 500
_GENESIS = "0" * 64
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_SEQUENCE = re.compile(rb'"seq":([0-9]{1,15})')


class AccessLog:
    """Appends to ``<folder>/<plugin>.access.jsonl`` (mode 0600).

    A chain has one writer: while another host holds the file, this one writes to ``<plugin>.<pid>.access.jsonl``, and
    where this process is that other host, to ``<plugin>.<pid>-2.access.jsonl`` and so on. The lock is a file of its
    own (``….lock``), which a rotation does not exchange.
    """

    def __init__(self, folder: Path, plugin: str) -> None:
        self._plugin = plugin
        self._buckets: dict[str, TokenBucket] = {}
        self.granted = 0
        self.denied = 0
        self.path, self._lock = _free(private_dir(folder), plugin)
        self._fd = self._open()
        self._seq, self._prev = self._written = _continue(self._fd)
        self._lines: list[bytes] = []
        self._gathering = False
        self.first = self._seq + 1

    @property
    def last(self) -> int:
        """Sequence number of the last record."""
        return self._seq

    def record(
        self,
        permission: str,
        resource: str,
        *,
        granted: bool,
        source: str,
        location: str | None = None,
        detail: str = "",
        count: int = 1,
        ts: float | None = None,
        worker: int | None = None,
        numbers: Mapping[str, float] | None = None,
    ) -> None:
        """Append one decision; above the rate it is counted, and the next record says how many are missing.

        ``count`` 0 is for what decides nothing: the end of a connection, with its ``numbers``.
        """
        if granted:
            self.granted += count
        else:
            self.denied += count
        bucket = self._bucket(source, permission, granted=granted)
        if not bucket.take(time.monotonic()):
            return
        entry: dict[str, Any] = {
            "ts": _timestamp(ts),
            "seq": self._seq + 1,
            "plugin": self._plugin,
            "source": source,
            "trust": "host" if source == "broker" else "worker",
            "permission": permission[:MAX_TEXT],
            "resource": resource[:MAX_TEXT],
            "decision": "allow" if granted else "deny",
        }
        optional = {"location": (location or "")[:MAX_TEXT], "detail": detail[:MAX_TEXT]}
        entry |= {key: value for key, value in optional.items() if value}
        if worker is not None:
            entry["worker"] = worker
        entry |= numbers or {}
        if count > 1:
            entry["n"] = count
        if missing := bucket.take_refused():
            entry["dropped"] = missing
        self._append(entry)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is recorded inside at once, at the end: a batch costs little more than a record.

        All of it is in the log then, or none: OSError.
        """
        self._gathering = True
        try:
            yield
        finally:
            self._gathering = False
            self._flush()

    def close(self) -> None:
        """Write to disk and close; later records are an error."""
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)
            os.close(self._lock)
            self._fd = -1

    def _bucket(self, source: str, permission: str, *, granted: bool) -> TokenBucket:
        """Return the rate of a kind of record.

        What a worker reports must not crowd out what the broker saw, nor many refusals what was granted, or the
        other way round.
        """
        kind = f"{permission} {granted}" if source == "broker" else "worker"
        return self._buckets.setdefault(kind, TokenBucket(RECORDS_PER_SECOND, 4 * RECORDS_PER_SECOND))

    def _append(self, entry: dict[str, Any]) -> None:
        entry["prev"] = self._prev
        line = _as_json(entry) + b"\n"
        self._lines.append(line)
        self._seq += 1
        self._prev = hashlib.sha256(line).hexdigest()
        if not self._gathering:
            self._flush()

    def _flush(self) -> None:
        """Write the lines that wait; the chain goes on from them, or from the last that was written before."""
        lines, self._lines = b"".join(self._lines), []
        try:
            if lines:
                self._write(lines, self._room_for(lines))
        except OSError:
            self._seq, self._prev = self._written
            raise
        self._written = self._seq, self._prev

    def _room_for(self, lines: bytes) -> int:
        """Return the size of the file that ``lines`` go into, another one if they would not fit."""
        size = os.fstat(self._fd).st_size
        if size + len(lines) <= MAX_BYTES:
            return size
        self._rotate()
        return 0

    def _write(self, lines: bytes, size: int) -> None:
        """Write all or nothing: a disk that is nearly full takes a part of it and calls that a success."""
        written = os.write(self._fd, lines)
        if written < len(lines):
            os.ftruncate(self._fd, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def _rotate(self) -> None:
        """Exchange the file. The descriptor stays ours until there is another: its number would be somebody else's."""
        older = self.path.with_name(self.path.name + ".1")
        self.path.replace(older)
        try:
            fresh = self._open()
        except OSError:
            older.replace(self.path)
            raise
        os.close(self._fd)
        self._fd = fresh

    def _open(self) -> int:
        return open_regular(self.path, os.O_APPEND | _FLAGS)


def _as_json(entry: dict[str, Any]) -> bytes:
    """Return a record in ASCII. The fast encoder escapes what JSON must have escaped, and leaves other letters."""
    try:
        line = msgspec.json.encode(entry)
    except UnicodeEncodeError:
        line = b"\xff"
    return line if line.isascii() else json.dumps(entry, ensure_ascii=True, separators=(",", ":")).encode()


def _free(folder: Path, plugin: str) -> tuple[Path, int]:
    """Return the first log nobody writes to, and the descriptor of its lock, which is ours now."""
    own = f"{plugin}.{os.getpid()}"
    for stem in chain((plugin, own), (f"{own}-{number}" for number in count(2))):
        descriptor = open_regular(folder / f"{stem}.access.lock", _FLAGS)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return folder / f"{stem}.access.jsonl", descriptor
    raise AssertionError("unreachable: there is always another number")


def _timestamp(ts: float | None) -> str:
    try:
        moment = datetime.now(UTC) if ts is None else datetime.fromtimestamp(ts, UTC)
    except (ValueError, OverflowError, OSError):  # a worker's own clock
        moment = datetime.now(UTC)
    return moment.isoformat(timespec="milliseconds")


def _continue(descriptor: int) -> tuple[int, str]:
    """Return the last sequence number and digest of an opened log; a torn last line is cut off."""
    size = os.fstat(descriptor).st_size
    data = os.pread(descriptor, 2 * MAX_LINE, max(0, size - 2 * MAX_LINE))
    if data.count(b"\n") < 2:  # a short file, or one that no log of ours ends like
        data = os.pread(descriptor, size, 0)
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) != len(data):
        os.ftruncate(descriptor, size - len(data) + len(whole))
    if not whole:
        return 0, _GENESIS
    last = whole[whole.rfind(b"\n", 0, -1) + 1 :]
    number = _SEQUENCE.search(last)
    return int(number[1]) if number else 0, hashlib.sha256(last).hexdigest()
