"""Time as a supervisor sees it, so that what it does after minutes can be tried without them."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock in seconds."""

    def now(self) -> float:
        """Return the time; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Return when that much time has passed."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return :func:`time.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)
