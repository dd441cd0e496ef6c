"""The state of a supervised plugin as others see it: what it is, since when, and what is told about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.status import Event, EventKind, State

OnEvent = Callable[[Event], None]

_log = logging.getLogger("theodore_loader.supervise")


class Life:
    """One plugin's state; everything here happens on the event loop."""

    def __init__(self, plugin: str, on_event: OnEvent) -> None:
        self.state = State.STARTING
        self.since = datetime.now(UTC)
        self.last_error: Exception | None = None
        self._plugin = plugin
        self._on_event = on_event
        self._changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether it takes no more calls, and never will."""
        return self.state in (State.DRAINING, State.STOPPED)

    @property
    def because(self) -> str:
        """The last error, as the end of a sentence."""
        return "" if self.last_error is None else f": {self.last_error}"

    def to(self, state: State) -> None:
        """Change the state, and wake everybody who waits for that."""
        self.state, self.since = state, datetime.now(UTC)
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self) -> None:
        """Return after the next change of state."""
        await self._changed.wait()

    def tell(self, kind: EventKind, edition: Edition, detail: str = "", *, pid: int | None = None) -> None:
        """Report an event. A listener that raises is logged: what it listens to goes on."""
        version = edition.plan.manifest.info.version
        try:
            self._on_event(Event(kind, self._plugin, version, datetime.now(UTC), pid, detail))
        except Exception:
            _log.exception("a listener to events of plugin %s failed at %s", self._plugin, kind.value)
