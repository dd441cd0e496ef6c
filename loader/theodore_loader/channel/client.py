"""The host end of a channel: calls out, answers in, everything that arrives distrusted.

A reply to an unknown id, a second reply, a chunk beyond its credit, a frame a worker may not send or not yet, a frame
over the cap: each ends the channel with :class:`ProtocolViolation`, and whoever owns it kills the worker. A worker
that does not read is not buffered for: calls wait for room within their own deadline, and beyond ``MAX_UNSENT`` the
channel ends.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import msgspec  # noqa: TC002 - typing only, but one import style for the channel's types

from theodore_loader.channel import codec
from theodore_loader.channel.answer import PendingCall
from theodore_loader.channel.deadlines import Deadlines
from theodore_loader.channel.depth import has_ample_stack
from theodore_loader.channel.failures import to_exception
from theodore_loader.channel.frames import MAX_VALUE_BYTES, Payload
from theodore_loader.channel.link import Link
from theodore_loader.channel.pending import GRACE_SECONDS, Pending, PendingStream
from theodore_loader.channel.requests import Request
from theodore_loader.channel.streams import WINDOW_BYTES
from theodore_loader.channel.unasked import Handlers, Unasked
from theodore_loader.channel.uploads import Uploads
from theodore_loader.errors import CallTimeout, LoaderError, ProtocolViolation, WorkerCrashed
from theodore_sdk.errors import ResourceLimitExceeded

MAX_UNSENT = 4 * 1024 * 1024
HIGH_WATER = 1024 * 1024
MAX_STREAMS = 64


class ChannelClosed(WorkerCrashed):
    """The worker's end is closed. Its exit, which says more, usually follows within milliseconds."""


class HostChannel:
    """One worker's channel. Use it from the event loop's thread only."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._ample_stack = has_ample_stack()
        self._link: Link | None = None
        self._pending: dict[int, PendingCall | PendingStream] = {}
        self._deadlines = Deadlines(self._loop, self._pending.values)
        self._unasked = Unasked(handlers, self.send, self._pause_reading)
        self._uploads = Uploads(self.send, self._unasked.is_welcome)
        self._awaited: asyncio.Future[codec.ToHost] | None = None
        self._room = asyncio.Event()
        self._is_crowded = True
        self._last_id = 0
        self._pings: dict[int, asyncio.Future[None]] = {}
        self._end: LoaderError | None = None
        self._react: dict[type, Callable[[Any], None]] = {codec.Ready: self._on_ready, codec.Error: self._on_error}

    def attach(self, end: socket.socket) -> None:
        """Speak through a connected stream socket, which belongs to the channel from now on."""
        self._link = Link(end, self._on_frame, self._on_link_end, self._relieve)
        self._relieve()

    # the owner's side

    @property
    def is_open(self) -> bool:
        """Whether a frame sent now would go out."""
        return self._end is None

    @property
    def unsent(self) -> int:
        """Bytes written for the worker that it has not read yet."""
        return 0 if self._link is None else self._link.unsent

    @property
    def dropped_noise(self) -> int:
        """Log, access and progress frames dropped because the worker sent too many."""
        return self._unasked.refused

    def send(self, message: codec.ToWorker) -> None:
        """Queue a frame.

        Raises:
            LoaderError: the channel has ended; the exception says why.
            TypeError, ValueTooLargeError: it cannot cross.

        """
        if self._end is not None:
            raise self._end.with_traceback(None)
        assert self._link is not None  # noqa: S101 - attach came first
        if self._link.send(message) > HIGH_WATER:
            self._press()

    def _press(self) -> None:
        """Write what was to wait for others of its turn; have calls wait where that does not help."""
        assert self._link is not None  # noqa: S101 - something was sent
        self._link.flush()
        if self._link.unsent > HIGH_WATER:
            self._is_crowded = True
            self._room.clear()
            self._link.drain_wanted = True
        if self._link.unsent > MAX_UNSENT:
            self.end(WorkerCrashed("the worker does not read its channel"))

    def _relieve(self) -> None:
        self._is_crowded = False
        self._room.set()

    def _pause_reading(self, seconds: float) -> None:
        if self._link is not None:
            self._link.pause_reading(seconds)

    async def exchange(self, message: codec.ToWorker, seconds: float) -> codec.ToHost:
        """Send a frame of the handshake and return its answer.

        Raises:
            TimeoutError: no answer in time.
            LoaderError: the worker answered with an error, or ended.

        """
        self._awaited = self._loop.create_future()
        self.send(message)
        try:
            return await asyncio.wait_for(self._awaited, seconds)
        finally:
            self._awaited = None

    def call(self, request: Request, read: Callable[[msgspec.Raw], Any]) -> Awaitable[Any]:
        """Call a method; what is returned, to be awaited at once, is what the method returned, as ``read`` reads it.

        A caller that is cancelled cancels the plugin's method too, under the same grace.

        Raises, now or where it is awaited:
            TypeError, ValueTooLargeError: the arguments cannot cross; nothing was sent.
            CallTimeout: the deadline passed; the message says whether the worker had to be killed.
            BadValueError: the result is not of the declared type.
            LoaderError: what the worker answered, or how it ended.

        """
        if self._is_crowded or request.sources:
            return self._call_with_care(request, read)
        return self._begin(request, read)

    async def _call_with_care(self, request: Request, read: Callable[[msgspec.Raw], Any]) -> Any:
        """Call a method when there is room, and end the streams among its arguments with it."""
        if self._is_crowded:
            await self._wait_for_room(request)
        pending = self._begin(request, read)
        try:
            return await pending
        finally:
            self._uploads.close(pending.number)

    def _begin(self, request: Request, read: Callable[[msgspec.Raw], Any]) -> PendingCall:
        number = self._last_id = self._last_id + 1
        pending = PendingCall(self, number, request, self._time() + request.seconds, read, self._loop)
        self._open(pending, request, 0)
        return pending

    async def stream(self, request: Request, read: Callable[[bytes], Sequence[Any]]) -> AsyncGenerator[Any, None]:
        """Iterate over what a streaming method yields, as it comes; leaving the iteration stops the method.

        Raises:
            CallTimeout: the whole took longer than the deadline, or an item longer than ``IDLE_SECONDS``.
            BadValueError: an item is not of the declared type.
            ResourceLimitExceeded: ``MAX_STREAMS`` are open.
            LoaderError: as for :meth:`call`; items that came before it have been delivered.

        """
        pending = await self._open_stream(request, read)
        try:
            while (items := await pending.next_chunk(self._deadlines.watch)) is not None:
                for item in items:
                    yield item
        except ProtocolViolation as violation:
            self.end(violation)
            raise
        finally:
            self._uploads.close(pending.number)
            pending.leave()

    async def ping(self, seconds: float) -> None:
        """Return when the worker's event loop has answered.

        Raises:
            TimeoutError: it did not in time; something occupies the loop.
            LoaderError: the channel has ended.

        """
        number = self._number()
        self.send(codec.Ping(number))
        future = self._pings[number] = self._loop.create_future()
        future.add_done_callback(_retrieve)
        await asyncio.wait_for(future, seconds)

    def end(self, reason: LoaderError) -> None:
        """Close the channel; everything in flight fails with ``reason``. The first reason stays."""
        if self._end is not None:
            return
        self._end = reason
        self._relieve()
        self._deadlines.stop()
        self._uploads.close_all()
        self._unasked.stop()
        for future in (*self._pings.values(), self._awaited):
            if future is not None and not future.done():
                future.set_exception(reason)
        in_flight = list(self._pending.values())
        self._pending.clear()
        for pending in in_flight:
            pending.fail(reason)
        self._handlers.ended(reason)
        if self._link is not None:
            self._link.close()  # after its owner has killed the worker, which could use the time

    def stop(self, pending: Pending) -> None:
        """Ask the worker to stop a call; it stays pending until the worker answers, or its grace time is over."""
        if self._end is None and pending.number in self._pending:
            pending.deadline = self._loop.time() + GRACE_SECONDS
            self._deadlines.watch(pending.deadline)
            self._handlers.stopping(GRACE_SECONDS)
            self.send(codec.Cancel(pending.number))

    # calls

    def _number(self) -> int:
        self._last_id += 1
        return self._last_id

    def _open(self, pending: PendingCall | PendingStream, request: Request, credit: int) -> None:
        if self._end is not None:
            raise self._end.with_traceback(None)
        assert self._link is not None  # noqa: S101 - attach came first
        args = request.args
        if request.sources:
            args = self._uploads.announce(pending.number, args, request.sources, self._number)
        frame = codec.Call(pending.number, request.method, request.seconds, args, credit, request.listener is not None)
        try:
            unsent = self._link.send(frame, MAX_VALUE_BYTES + len(request.method) + 48, later=bool(self._pending))
        except BaseException:
            self._uploads.close(pending.number)
            raise
        self._pending[pending.number] = pending
        if pending.deadline < self._deadlines.at:
            self._deadlines.watch(pending.deadline)
        if unsent > HIGH_WATER:
            self._press()

    async def _open_stream(self, request: Request, read: Callable[[bytes], Sequence[Any]]) -> PendingStream:
        if self._is_crowded:
            await self._wait_for_room(request)
        streams = (pending for pending in self._pending.values() if isinstance(pending, PendingStream))
        if sum(not stream.is_stopping for stream in streams) >= MAX_STREAMS:
            raise ResourceLimitExceeded("streams", f"{MAX_STREAMS} streams of this plugin are open already")
        deadline = self._time() + request.seconds
        pending = PendingStream(self, self._number(), request, deadline, read, self._loop)
        self._open(pending, request, WINDOW_BYTES)
        return pending

    async def _wait_for_room(self, request: Request) -> None:
        try:
            async with asyncio.timeout(request.seconds):
                while self._is_crowded:  # another that waited may have filled it again
                    await self._room.wait()
        except TimeoutError:
            raise CallTimeout(
                f"{request.method} could not be sent within {request.seconds:g} s: the worker does not read",
                help="give the worker less at once, or find out what occupies its event loop",
            ) from None

    # the worker's side

    def _on_frame(self, payload: Payload) -> None:
        message = codec.decode_from_worker(payload, ample_stack=self._ample_stack)
        react = self._react.get(type(message))
        if react is None:
            raise ProtocolViolation(f"a {type(message).__name__} frame before the worker was ready")
        react(message)

    def _on_link_end(self, violation: ProtocolViolation | None) -> None:
        self.end(violation or ChannelClosed("the worker closed its channel"))

    def _on_ready(self, ready: codec.Ready) -> None:
        self._on_awaited(ready)
        self._react = {
            codec.Result: self._on_result,
            codec.Error: self._on_error,
            codec.Chunk: self._on_chunk,
            codec.End: self._on_stream_end,
            codec.Credit: self._uploads.on_credit,
            codec.Cancel: self._uploads.on_cancel,
            codec.Progress: self._on_progress,
            codec.HostCall: self._unasked.on_host_call,
            codec.Log: self._unasked.on_log,
            codec.Accesses: self._unasked.on_accesses,
            codec.Ready: self._on_awaited,
            codec.Loaded: self._on_awaited,
            codec.Pong: self._on_pong,
        }

    def _on_result(self, result: codec.Result) -> None:
        pending = self._pending.get(result.id)
        if not isinstance(pending, PendingCall):
            raise _not_in_flight("an answer to call", result.id)
        del self._pending[result.id]
        pending.arrive(result.value)

    def _on_error(self, error: codec.Error) -> None:
        if error.code not in codec.ERROR_CODES:
            raise ProtocolViolation(f"unknown error code {error.code!r}")
        if error.id == 0:
            self._on_failed_start(error)
            return
        pending = self._pending.pop(error.id, None)
        if pending is None:
            raise _not_in_flight("an answer to call", error.id)
        pending.fail(to_exception(error))

    def _on_failed_start(self, error: codec.Error) -> None:
        if self._awaited is None:
            raise ProtocolViolation("a failure to start from a worker that is not starting")
        if not self._awaited.done():
            self._awaited.set_exception(to_exception(error))

    def _on_chunk(self, chunk: codec.Chunk) -> None:
        pending = self._pending.get(chunk.id)
        if not isinstance(pending, PendingStream):
            raise _not_in_flight("a chunk of stream", chunk.id)
        pending.arrive(chunk.items)

    def _on_stream_end(self, end: codec.End) -> None:
        pending = self._pending.get(end.id)
        if not isinstance(pending, PendingStream) or end.error is not None:
            raise _not_in_flight("the end of stream", end.id)
        del self._pending[end.id]
        pending.finish()

    def _on_progress(self, progress: codec.Progress) -> None:
        pending = self._pending.get(progress.id)
        if pending is None or pending.listener is None:
            raise ProtocolViolation(f"progress of call {progress.id}, which nobody listens to")
        if self._unasked.is_welcome() and not pending.is_stopping:
            self._loop.call_soon(pending.listener, progress.fraction, codec.printable(progress.message))

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


def _not_in_flight(what: str, number: int) -> ProtocolViolation:
    return ProtocolViolation(f"{what} {number}, which is not in flight")


def _retrieve(future: asyncio.Future[Any]) -> None:
    """Mark the exception as seen: a ping nobody awaits any more must not warn when its worker ends."""
    if not future.cancelled():
        future.exception()
