"""Deadlines of everything in flight on one channel, kept by one timer instead of one each.

A timer a call would be made and thrown away thirty thousand times a second. This one is set to the earliest
deadline there was when it was set, looks at all that is in flight when it rings, and is left alone in between.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Protocol

NEVER = math.inf


class Expiring(Protocol):
    """Something with a deadline, in the event loop's time; ``expired`` is called at it, and may set a later one."""

    deadline: float

    def expired(self) -> None:
        """React to the deadline."""


class Deadlines:
    """Rings for the items of a collection that changes all the time."""

    __slots__ = ("_items", "_loop", "_timer", "at")

    def __init__(self, loop: asyncio.AbstractEventLoop, items: Callable[[], Iterable[Expiring]]) -> None:
        self._loop = loop
        self._items = items
        self._timer: asyncio.TimerHandle | None = None
        self.at = NEVER
        """When it will ring: whatever is due no earlier need not be watched."""

    def watch(self, deadline: float) -> None:
        """Make sure to ring at ``deadline``."""
        if deadline < self.at:
            self.stop()
            self.at = deadline
            self._timer = self._loop.call_at(deadline, self._ring)

    def stop(self) -> None:
        """Ring no more, until something is watched again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.at = None, NEVER

    def _ring(self) -> None:
        self._timer, self.at = None, NEVER
        now = self._loop.time()
        for item in list(self._items()):
            if item.deadline <= now:
                item.expired()
        earliest = min((item.deadline for item in self._items()), default=NEVER)
        if earliest < NEVER:
            self.watch(earliest)
