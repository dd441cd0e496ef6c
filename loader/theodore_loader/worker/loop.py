"""The event loop of a worker: asyncio's own, which reads the channel without the way through events and handles.

Between two small calls a worker has nothing to do but wait for its channel. asyncio turns once for each frame then:
it makes a list of events, of those handles, and runs them, which takes as long as a small call itself. This
selector knows the one descriptor that matters and has it read at once, for as long as nothing else is due. All else
goes the ordinary way, and so does the channel as soon as anything else is ready: nobody starves.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

from theodore_loader.channel.eager import Stepping

Events = list[tuple[selectors.SelectorKey, int]]


class ChannelFirst(selectors.DefaultSelector):
    """A selector that has one descriptor read instead of reporting it, where it alone is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptor = -1
        self.read: Callable[[], bool] = bool
        """Reads from it; returns whether there is nothing to do now but to wait for more."""

    def select(self, timeout: float | None = None) -> Events:
        """Wait as any selector does; return nothing where all that was ready has been read."""
        while True:
            ready = super().select(timeout)
            if len(ready) != 1 or ready[0][0].fd != self.descriptor or ready[0][1] != selectors.EVENT_READ:
                return ready
            if not self.read() or timeout is not None:
                return []


class WorkerLoop(Stepping):
    """The event loop; :meth:`serve` tells it which descriptor matters."""

    def __init__(self) -> None:
        self._channel_first = ChannelFirst()
        super().__init__(self._channel_first)

    def serve(self, descriptor: int, read: Callable[[], object]) -> None:
        """Have ``read`` called, where no task runs, whenever a descriptor that has a reader is all that is ready."""

        def reads() -> bool:
            try:
                read()
            except Exception as problem:
                self.call_exception_handler({"message": "the channel could not be read", "exception": problem})
            return self._may_wait()

        self._channel_first.descriptor, self._channel_first.read = descriptor, reads

    def _may_wait(self) -> bool:
        """Whether nothing is due, now or later. Where asyncio does not say, it has its turn."""
        its: dict[str, Any] = self.__dict__
        return not (its.get("_ready", True) or its.get("_scheduled", True) or its.get("_stopping", True))
