"""What a host waits for from one worker: streams, and what they have in common with single answers, a deadline.

Past its deadline a call is asked to stop; a worker that has not answered within the grace time is ended. A caller
that leaves is no different, except that nobody hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec  # noqa: TC002 - typing only, but one import style for the channel's types

from theodore_loader.channel import codec
from theodore_loader.channel.requests import Listener, Request
from theodore_loader.channel.streams import WINDOW_BYTES, Incoming
from theodore_loader.errors import CallTimeout, LoaderError, WorkerCrashed

GRACE_SECONDS = 0.5
"""How long a worker may take to stop what it was asked to stop."""
IDLE_SECONDS = 60.0
"""How long a stream may keep a consumer waiting for its next item, if its deadline is not sooner."""


class Owner(Protocol):
    """The channel, as seen from what is pending on it."""

    def stop(self, pending: Pending) -> None:
        """Ask the worker to stop it, and watch the grace time."""

    def end(self, reason: LoaderError) -> None:
        """End the worker."""

    def send(self, message: codec.ToWorker) -> None:
        """Send a frame."""


class Pending:
    """One thing in flight. ``deadline`` is in the event loop's time."""

    __slots__ = ("_left", "_owner", "_request", "_timed_out", "deadline", "number")

    def __init__(self, owner: Owner, number: int, request: Request, deadline: float) -> None:
        self._owner = owner
        self.number = number
        self._request = request
        self.deadline = deadline
        self._timed_out: str | None = None
        self._left = False

    @property
    def listener(self) -> Listener | None:
        """Who hears of its progress."""
        return self._request.listener

    @property
    def is_stopping(self) -> bool:
        """Whether the worker has been asked to stop it."""
        return self._left or self._timed_out is not None

    def leave(self) -> None:
        """Let the worker stop it; nobody waits any more."""
        if not self.is_stopping:
            self._left = True
            self._owner.stop(self)

    def expired(self) -> None:
        """React to the deadline, or to the end of the grace time after it."""
        if not self.is_stopping:
            self._timed_out = self._too_late()
            self._owner.stop(self)
        elif self._left:
            self._owner.end(WorkerCrashed("the worker was killed because it did not stop a cancelled call"))
        else:
            self._lose(self._timeout("its worker was killed"))
            self._owner.end(
                WorkerCrashed(
                    f"the worker was killed because {self._request.method} passed its deadline of"
                    f" {self._request.seconds:g} s"
                )
            )

    def fail(self, problem: BaseException) -> None:
        """Give the waiting caller an exception; one that came after the deadline says that."""
        self._lose(problem if self._timed_out is None else self._timeout("it was cancelled"))

    def _lose(self, problem: BaseException) -> None:
        raise NotImplementedError

    def _too_late(self) -> str:
        return f"did not answer within {self._request.seconds:g} s"

    def _timeout(self, how: str) -> CallTimeout:
        return CallTimeout(
            f"{self._request.method} {self._timed_out}; {how}",
            help="raise max_execution_time_seconds in the plugin's resource limits, or find out what it waits for",
        )


class PendingStream(Pending):
    """A call whose answer is a stream. It is iterated once, by one task."""

    __slots__ = ("_incoming", "_last", "_loop", "ended")

    def __init__(
        self,
        owner: Owner,
        number: int,
        request: Request,
        deadline: float,
        read: Callable[[bytes], Sequence[Any]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(owner, number, request, deadline)
        self._incoming = Incoming(number, read, owner.send, WINDOW_BYTES)
        self._last = deadline
        self._loop = loop
        self.ended = False

    def arrive(self, items: msgspec.Raw) -> None:
        """Take a chunk in.

        Raises:
            ProtocolViolation: it is beyond the credit.

        """
        self._incoming.arrive(items)

    def finish(self) -> None:
        """Note the end."""
        self.ended = True
        self._incoming.finish(None if self._timed_out is None else self._timeout("it was cancelled"))

    def _lose(self, problem: BaseException) -> None:
        if not self.ended:
            self._incoming.finish(problem)
        self.ended = True

    def leave(self) -> None:
        """Let the worker stop; what arrives is dropped."""
        self._incoming.leave()
        if not self.ended:
            super().leave()

    async def next_chunk(self, watch: Callable[[float], None]) -> Sequence[Any] | None:
        """Return the next items, or ``None`` at the end; ``watch`` is told by when they must have come.

        Raises:
            CallTimeout: they did not, or the whole stream took too long.
            Exception: what the plugin raised, or how its worker ended.

        """
        if not self.is_stopping:
            self.deadline = min(self._last, self._loop.time() + IDLE_SECONDS)
            watch(self.deadline)
        try:
            return await self._incoming.chunk()
        finally:
            if not self.is_stopping:
                self.deadline = self._last

    def _too_late(self) -> str:
        if self._loop.time() < self._last:
            return f"sent nothing for {IDLE_SECONDS:g} s"
        return f"was not done within {self._request.seconds:g} s"
