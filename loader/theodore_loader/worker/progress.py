"""How far a call has come, told to a host that asked: the latest word, a few times a second, never a queue."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from theodore_loader.channel.codec import Progress, truncated

INTERVAL_SECONDS = 0.05
"""Words that come faster than this replace each other."""
MAX_MESSAGE = 512


class Reporter:
    """Reports the progress of one call. :meth:`report` may be called from any thread, as often as one likes."""

    def __init__(self, call: int, loop: asyncio.AbstractEventLoop, send: Callable[[Progress], None]) -> None:
        self._call = call
        self._loop = loop
        self._send = send
        self._thread = threading.get_ident()
        self._latest: Progress | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def report(self, fraction: float, message: str = "") -> None:
        """Note how much of the work is done, between 0 and 1, and what is being done. Raises nothing."""
        done = min(max(float(fraction), 0.0), 1.0) if fraction == fraction else 0.0
        word = Progress(self._call, done, truncated(str(message), MAX_MESSAGE))
        if threading.get_ident() == self._thread:
            self._note(word)
        else:
            self._loop.call_soon_threadsafe(self._note, word)

    def close(self) -> None:
        """Send the last word; later ones are lost, for the call has its answer."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._send_latest()

    def _note(self, word: Progress) -> None:
        if self._closed:
            return
        self._latest = word
        if self._timer is None:
            self._send_latest()
            self._timer = self._loop.call_later(INTERVAL_SECONDS, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._latest is not None:
            self._note(self._latest)

    def _send_latest(self) -> None:
        word, self._latest = self._latest, None
        if word is not None:
            self._send(word)
