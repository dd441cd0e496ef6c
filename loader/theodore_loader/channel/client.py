"""The host end of a channel: calls out, answers in, everything that arrives distrusted.

A reply to an unknown id, a second reply, a frame a worker may not send, a frame over the cap: each ends the
channel with :class:`ProtocolViolation`, and whoever owns it kills the worker. A worker that does not read is not
buffered for: calls wait for room within their own deadline, and beyond ``MAX_UNSENT`` the channel ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from theodore_loader.broker.rate import TokenBucket
from theodore_loader.channel import codec
from theodore_loader.channel.depth import has_ample_stack
from theodore_loader.channel.failures import to_exception
from theodore_loader.channel.frames import FrameBuffer
from theodore_loader.errors import LoaderError, ProtocolViolation, WorkerCrashed

MAX_UNSENT = 4 * 1024 * 1024
HIGH_WATER = 1024 * 1024
MAX_HOST_CALLS = 16
LOGS_PER_SECOND = 200
PAUSE_SECONDS = 0.02
REST = 20
"""What a noisy worker sent is read so that a millisecond spent on it is followed by at least so many without."""

NIL = msgspec.Raw(b"\xc0")


class ChannelClosed(WorkerCrashed):
    """The worker's end is closed. Its exit, which says more, usually follows within milliseconds."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the owner of a channel does with what a worker sends unasked.

    ``log`` and ``access`` are rate-limited before they are called; ``host_call`` returns the answer frame.
    ``ended`` is called once, with the reason.
    """

    log: Callable[[codec.Log], None]
    access: Callable[[codec.Accesses], None]
    host_call: Callable[[codec.HostCall], Awaitable[codec.HostResult]]
    ended: Callable[[LoaderError], None]


class HostChannel(asyncio.BufferedProtocol):
    """One worker's channel. Use it from the event loop's thread only."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._frames = FrameBuffer()
        self._ample_stack = has_ample_stack()
        self._transport: asyncio.Transport | None = None
        self._pending: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._awaited: asyncio.Future[codec.ToHost] | None = None
        self._host_calls: set[asyncio.Task[None]] = set()
        self._writable = asyncio.Event()
        self._last_id = 0
        self._pings: dict[int, asyncio.Future[None]] = {}
        self._end: LoaderError | None = None
        self._noise = TokenBucket(LOGS_PER_SECOND, 2 * LOGS_PER_SECOND)
        self._react: dict[type, Callable[[Any], None]] = {
            codec.Result: self._on_result,
            codec.Error: self._on_error,
            codec.HostCall: self._on_host_call,
            codec.Log: self._on_log,
            codec.Accesses: self._on_access,
            codec.Ready: self._on_awaited,
            codec.Loaded: self._on_awaited,
            codec.Pong: self._on_pong,
        }

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._transport = transport
        self._writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return memory to receive into."""
        return self._frames.writable()

    def buffer_updated(self, nbytes: int) -> None:
        """React to every frame that is now complete."""
        started, refused = time.perf_counter(), self._noise.refused
        try:
            for payload in self._frames.received(nbytes):
                if self._end is not None:
                    return
                message = codec.decode_from_worker(payload, ample_stack=self._ample_stack)
                self._react[type(message)](message)
        except ProtocolViolation as violation:
            self.end(violation)
        if self._noise.refused > refused:
            self._rest(time.perf_counter() - started)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, unless something has ended it already."""
        self.end(ChannelClosed("the worker closed its channel"))

    def pause_writing(self) -> None:
        """Make calls wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let waiting calls go on."""
        self._writable.set()

    # the owner's side

    @property
    def is_open(self) -> bool:
        """Whether a frame sent now would go out."""
        return self._end is None

    @property
    def unsent(self) -> int:
        """Bytes written for the worker that it has not read yet."""
        transport = self._transport
        return 0 if transport is None or transport.is_closing() else transport.get_write_buffer_size()

    @property
    def dropped_noise(self) -> int:
        """Log and access frames dropped because the worker sent too many."""
        return self._noise.refused

    def send(self, message: codec.ToWorker) -> None:
        """Queue a frame.

        Raises:
            LoaderError: the channel has ended; the exception says why.

        """
        if self._end is not None:
            raise self._end.with_traceback(None)
        assert self._transport is not None  # noqa: S101 - connection_made came first
        self._transport.write(codec.encode(message))
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self.end(WorkerCrashed("the worker does not read its channel"))

    async def exchange(self, message: codec.ToWorker, seconds: float) -> codec.ToHost:
        """Send a frame of the handshake and return its answer.

        Raises:
            TimeoutError: no answer in time.
            LoaderError: the worker answered with an error, or ended.

        """
        self._awaited = asyncio.get_running_loop().create_future()
        self.send(message)
        try:
            return await asyncio.wait_for(self._awaited, seconds)
        finally:
            self._awaited = None

    async def start_call(
        self, method: str, args: msgspec.Raw, seconds: float
    ) -> tuple[int, asyncio.Future[msgspec.Raw]]:
        """Send a call as soon as there is room; return its id and the future of its result."""
        await self._writable.wait()
        self._last_id += 1
        self.send(codec.Call(self._last_id, method, seconds, args))
        future = self._pending[self._last_id] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_retrieve)
        return self._last_id, future

    async def ping(self, seconds: float) -> None:
        """Return when the worker's event loop has answered.

        Raises:
            TimeoutError: it did not in time; something occupies the loop.
            LoaderError: the channel has ended.

        """
        self._last_id += 1
        self.send(codec.Ping(self._last_id))
        future = self._pings[self._last_id] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_retrieve)
        await asyncio.wait_for(future, seconds)

    def cancel(self, call: int) -> None:
        """Ask the worker to stop a call; it stays pending until the worker answers."""
        if call in self._pending and self._end is None:
            self.send(codec.Cancel(call))

    def is_pending(self, call: int) -> bool:
        """Return whether the worker still owes the answer to ``call``."""
        return call in self._pending

    def end(self, reason: LoaderError) -> None:
        """Close the channel; everything in flight fails with ``reason``. The first reason stays."""
        if self._end is not None:
            return
        self._end = reason
        if self._transport is not None:
            self._transport.abort()
        self._writable.set()
        for task in self._host_calls:
            task.cancel()
        for future in (*self._pending.values(), *self._pings.values(), self._awaited):
            if future is not None and not future.done():
                future.set_exception(reason)
        self._pending.clear()
        self._handlers.ended(reason)

    # the worker's side

    def _on_result(self, result: codec.Result) -> None:
        future = self._answered(result.id)
        if not future.done():
            future.set_result(result.value)

    def _on_error(self, error: codec.Error) -> None:
        if error.code not in codec.ERROR_CODES:
            raise ProtocolViolation(f"unknown error code {error.code!r}")
        future = self._starting() if error.id == 0 else self._answered(error.id)
        if not future.done():
            future.set_exception(to_exception(error))

    def _answered(self, call: int) -> asyncio.Future[Any]:
        future = self._pending.pop(call, None)
        if future is None:
            raise ProtocolViolation(f"an answer to call {call}, which is not in flight")
        return future

    def _starting(self) -> asyncio.Future[Any]:
        if self._awaited is None:
            raise ProtocolViolation("a failure to start from a worker that is not starting")
        return self._awaited

    def _on_awaited(self, message: codec.ToHost) -> None:
        if self._awaited is None or self._awaited.done():
            raise ProtocolViolation(f"an unexpected {type(message).__name__} frame")
        self._awaited.set_result(message)

    def _on_pong(self, pong: codec.Pong) -> None:
        future = self._pings.pop(pong.id, None)
        if future is None:
            raise ProtocolViolation(f"pong {pong.id} without a ping")
        if not future.done():
            future.set_result(None)

    def _on_log(self, log: codec.Log) -> None:
        if self._has_room_for_noise():
            self._handlers.log(log)

    def _on_access(self, batch: codec.Accesses) -> None:
        if self._has_room_for_noise():
            self._handlers.access(batch)

    def _has_room_for_noise(self) -> bool:
        """Say whether one more unasked frame is welcome; where not, reading rests for a while."""
        return self._noise.take(time.monotonic())

    def _rest(self, spent: float) -> None:
        """Read more slowly, so that only the sender waits: small frames cost the host much for few bytes."""
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(max(PAUSE_SECONDS, REST * spent), self._read_again)

    def _read_again(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _on_host_call(self, call: codec.HostCall) -> None:
        if len(self._host_calls) >= MAX_HOST_CALLS:
            self._has_room_for_noise()
            error = ("ResourceLimitExceeded", f"more than {MAX_HOST_CALLS} host calls at once")
            self.send(codec.HostResult(call.id, NIL, error))
            return
        task = asyncio.get_running_loop().create_task(self._answer(call))
        self._host_calls.add(task)
        task.add_done_callback(self._host_calls.discard)

    async def _answer(self, call: codec.HostCall) -> None:
        answer = await self._handlers.host_call(call)
        if self._end is None:
            self.send(answer)


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Mark the exception as seen: a call nobody awaits any more must not warn when its worker ends."""
    if not future.cancelled():
        future.exception()
