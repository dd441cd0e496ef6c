"""A worker's standard output and error: captured, cut into lines, slowed down when there is too much of it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from theodore_loader.broker.rate import TokenBucket

MAX_LINE = 4096
LINES_PER_SECOND = 200
KEPT_LINES = 20
PAUSE_SECONDS = 0.05
REST = 20
"""A millisecond spent on too much output is followed by at least so many in which none is read."""


class CapturedOutput(asyncio.Protocol):
    """Gives every line to ``record``; beyond the rate, lines are counted and the pipe is read more slowly.

    A worker that prints without end then blocks in its own ``write``; the host's work stays bounded.
    """

    def __init__(self, record: Callable[[str], None]) -> None:
        self.tail: deque[str] = deque(maxlen=KEPT_LINES)
        self._record = record
        self._rest = b""
        self._lines = TokenBucket(LINES_PER_SECOND, 2 * LINES_PER_SECOND)
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.ReadTransport)  # noqa: S101 - what connect_read_pipe makes
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Split into lines; an endless line is cut."""
        started = time.perf_counter()
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            lines, self._rest = [*lines, self._rest], b""
        refused = self._lines.refused
        for line in lines:
            self._take(line)
        if self._lines.refused > refused and self._transport is not None:
            self._transport.pause_reading()
            spent = time.perf_counter() - started
            asyncio.get_running_loop().call_later(max(PAUSE_SECONDS, REST * spent), self._resume)

    def connection_lost(self, exc: Exception | None) -> None:
        """Record what was left without a line end."""
        if self._rest:
            self._take(self._rest)
            self._rest = b""

    @property
    def dropped(self) -> int:
        """Lines that were not recorded."""
        return self._lines.refused

    def close(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, line: bytes) -> None:
        if self._lines.take(time.monotonic()):
            text = line[:MAX_LINE].decode("utf-8", "backslashreplace")
            self.tail.append(text)
            self._record(text)

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
