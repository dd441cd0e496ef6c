"""What a worker sends unasked: log records, accesses, calls of the host. How much of it is taken, and who gets it.

Beyond a rate such frames are dropped and the channel is read more slowly, so that only their sender waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from theodore_loader.broker.rate import TokenBucket
from theodore_loader.channel import codec
from theodore_loader.errors import LoaderError

MAX_HOST_CALLS = 16
FRAMES_PER_SECOND = 200
PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the owner of a channel does with what a worker sends unasked.

    ``log`` and ``access`` are rate-limited before they are called; ``host_call`` returns the answer frame.
    ``ended`` is called once, with the reason; ``stopping`` whenever the worker is asked to stop a call, with the
    seconds it is given for that.
    """

    log: Callable[[codec.Log], None]
    access: Callable[[codec.Accesses], None]
    host_call: Callable[[codec.HostCall], Awaitable[codec.HostResult]]
    ended: Callable[[LoaderError], None]
    stopping: Callable[[float], None] = lambda _seconds: None


class Unasked:
    """One channel's. ``send`` answers the worker; ``pause_reading`` reads nothing of it for so many seconds."""

    def __init__(
        self, handlers: Handlers, send: Callable[[codec.ToWorker], None], pause_reading: Callable[[float], None]
    ) -> None:
        self._handlers = handlers
        self._send = send
        self._pause_reading = pause_reading
        self._loop = asyncio.get_running_loop()
        self._rate = TokenBucket(FRAMES_PER_SECOND, 2 * FRAMES_PER_SECOND)
        self._host_calls: set[asyncio.Task[None]] = set()
        self._stopped = False

    @property
    def refused(self) -> int:
        """Frames beyond the rate."""
        return self._rate.refused

    def is_welcome(self) -> bool:
        """Say whether one more unasked frame is; where not, the channel is read more slowly."""
        if self._rate.take(time.monotonic()):
            return True
        self._pause_reading(PAUSE_SECONDS)
        return False

    def on_log(self, log: codec.Log) -> None:
        """Hand on a record of the plugin's loggers."""
        if self.is_welcome():
            self._handlers.log(codec.Log(log.level, codec.printable(log.logger), codec.printable_lines(log.text)))

    def on_accesses(self, batch: codec.Accesses) -> None:
        """Hand on what the audit hook saw."""
        if self.is_welcome():
            self._handlers.access(batch)

    def on_host_call(self, call: codec.HostCall) -> None:
        """Answer a call of the host in a task of its own, unless there are too many already."""
        if len(self._host_calls) >= MAX_HOST_CALLS:
            self.is_welcome()
            error = ("ResourceLimitExceeded", f"more than {MAX_HOST_CALLS} host calls at once")
            self._send(codec.HostResult(call.id, codec.NIL, error))
            return
        task = self._loop.create_task(self._answer(call))
        self._host_calls.add(task)
        task.add_done_callback(self._host_calls.discard)

    def stop(self) -> None:
        """Answer nothing any more: the channel has ended."""
        self._stopped = True
        for task in self._host_calls:
            task.cancel()

    async def _answer(self, call: codec.HostCall) -> None:
        answer = await self._handlers.host_call(call)
        if not self._stopped:
            self._send(answer)
