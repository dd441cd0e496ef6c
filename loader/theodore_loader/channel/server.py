"""The worker end of a channel: runs the plugin's coroutines, one task a call, on the worker's only event loop.

It is honest and convenient, not a boundary: plugin code shares its process and can write to the descriptor
itself. The host's end is what trusts nothing.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from theodore_loader.channel import codec
from theodore_loader.channel.downloads import Downloads
from theodore_loader.channel.eager import start_now
from theodore_loader.channel.failures import denial_to_exception, error_frame, str_of
from theodore_loader.channel.frames import MAX_VALUE_BYTES, Payload
from theodore_loader.channel.link import Link
from theodore_loader.channel.methods import ANY, INITIALIZE, BadValueError, Method, decode_value, encode_value
from theodore_loader.channel.outbox import ValueTooLargeError
from theodore_loader.channel.streams import Outgoing
from theodore_loader.errors import ProtocolViolation
from theodore_loader.worker.calls import enter_call
from theodore_loader.worker.loop import WorkerLoop
from theodore_loader.worker.progress import Reporter
from theodore_loader.worker.reports import AccessBatch
from theodore_sdk import progress

FLUSH_SECONDS = 0.25
_RESULT_BYTES = MAX_VALUE_BYTES + 17


class HostServiceError(Exception):
    """A host service raised; the message holds the type's name and what it said."""


class _RefusedError(Exception):
    """A call that does not reach the plugin's code, or a result that does not leave it; ``code`` is the frame's."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Plugin(Protocol):
    """What the server drives: the loaded plugin object behind its category's table of methods."""

    methods: Mapping[str, Method]
    operations: tuple[str, ...]

    def load(self, load: codec.Load) -> None:
        """Import and instantiate the plugin's class."""

    def initialize(self, config: Mapping[str, Any]) -> Coroutine[Any, Any, None]:
        """Return the coroutine of the plugin's own ``initialize``."""

    def bound(self, method: str) -> Callable[..., Any]:
        """Return the plugin's own method."""


class WorkerChannel:
    """Serves one host until it says ``shutdown`` or closes the socket."""

    def __init__(
        self,
        plugin: Plugin,
        roots: Sequence[str],
        accesses: AccessBatch,
        *,
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._plugin = plugin
        self._roots = tuple(roots)
        self._accesses = accesses
        self._leave = leave
        self._link: Link | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._streams: dict[int, Outgoing] = {}
        self._downloads = Downloads(self.send)
        self._extras: dict[int, Reporter | None] = {}
        self._host_calls: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._flushing = False
        self._react: dict[type, Callable[[Any], None]] = {
            codec.Load: self._on_load,
            codec.Call: self._on_call,
            codec.Cancel: self._on_cancel,
            codec.Credit: self._on_credit,
            codec.Chunk: self._downloads.on_chunk,
            codec.End: self._downloads.on_end,
            codec.HostResult: self._on_host_result,
            codec.Ping: lambda ping: self.send(codec.Pong(ping.id)),
            codec.Shutdown: lambda _: self._on_shutdown(),
        }

    def attach(self, end: socket.socket) -> None:
        """Serve a connected stream socket."""
        self._link = Link(end, self._on_frame, lambda violation: self._leave(0 if violation is None else 1))
        if isinstance(self._loop, WorkerLoop):
            self._loop.serve(end.fileno(), self._link.read)

    def send(self, message: codec.ToHost) -> None:
        """Queue a frame, from any thread."""
        if threading.get_ident() == self._thread:
            self._write(message)
        else:
            self._loop.call_soon_threadsafe(self._write, message)

    async def host_call(self, service: str, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a method of a host service and return its answer."""
        self._last_id += 1
        call = self._last_id
        future = self._host_calls[call] = self._loop.create_future()
        try:
            self.send(codec.HostCall(call, service, method, encode_value([list(args), kwargs])))
            return await future
        finally:
            self._host_calls.pop(call, None)

    def _write(self, message: codec.ToHost) -> None:
        if self._link is not None:
            self._link.send(message)

    def _on_frame(self, payload: Payload) -> None:
        message = codec.decode_from_host(payload)
        react = self._react.get(type(message))
        if react is None:
            raise ProtocolViolation(f"a second {type(message).__name__} frame")
        react(message)

    # starting

    def _on_load(self, load: codec.Load) -> None:
        started = self._loop.time()
        try:
            self._plugin.load(load)
        except BaseException as problem:
            self._flush()
            self.send(error_frame(0, problem, self._roots))
            return
        self._flush()
        self.send(codec.Loaded((self._loop.time() - started) * 1000, self._plugin.operations))

    # calls

    def _on_call(self, call: codec.Call) -> None:
        task = start_now(self._loop, self._run(call), f"call-{call.id}")
        if not task.done():
            self._tasks[call.id] = task
            self._keep_flushing()

    def _on_cancel(self, cancel: codec.Cancel) -> None:
        stream = self._streams.get(cancel.id)
        if stream is not None:
            stream.stop()
        task = self._tasks.get(cancel.id)
        if task is not None:
            task.cancel()

    def _on_credit(self, credit: codec.Credit) -> None:
        stream = self._streams.get(credit.id)
        if stream is not None:
            stream.grant(credit.bytes)

    async def _run(self, call: codec.Call) -> None:
        enter_call()
        try:
            work = self._begin(call)
            answer = await self._stream(call, work) if call.credit else codec.Result(call.id, await work)
        except asyncio.CancelledError:
            answer = _cancelled(call)
        except _RefusedError as refused:
            answer = codec.Error(call.id, refused.code, "TypeError", codec.truncated(str(refused)))
        except BaseException as problem:
            answer = error_frame(call.id, problem, self._roots)
        if self._extras:
            self._finish(call.id)
        self._tasks.pop(call.id, None)
        if self._accesses.waits():
            self._flush()
        self._reply(call, answer)

    def _reply(self, call: codec.Call, answer: codec.Result | codec.Error | codec.End) -> None:
        assert self._link is not None  # noqa: S101 - the call came through it
        try:
            self._link.send(answer, limit=_RESULT_BYTES, later=len(self._tasks) > 0)
        except ValueTooLargeError as problem:
            self.send(_too_large(call, f"the result of {call.method}", problem))
        except Exception as problem:  # also what a lazy mapping of the plugin raises while it is read
            text = codec.truncated(f"the result of {call.method}: {str_of(problem)}")
            self.send(codec.Error(call.id, "bad-result", "TypeError", text))

    async def _stream(self, call: codec.Call, work: Any) -> codec.Error | codec.End:
        stream = self._streams[call.id] = Outgoing(call.id, call.credit, self.send)
        try:
            if asyncio.iscoroutine(work):
                work = await work
            if not hasattr(work, "__aiter__"):
                raise _RefusedError("bad-result", f"{call.method} returned {type(work).__name__}, which is no stream")
            await stream.pump(work)
        except ValueTooLargeError as problem:
            return _too_large(call, f"an item of {call.method}", problem)
        finally:
            del self._streams[call.id]
        return _cancelled(call) if stream.is_stopped else codec.End(call.id)

    def _begin(self, call: codec.Call) -> Any:
        """Return what is to be awaited, or iterated over.

        Raises:
            _RefusedError: there is no such method, or these are not its arguments.

        """
        method = self._plugin.methods.get(call.method)
        if method is None:
            return self._initialize(call)
        try:
            values = method.decode_values(call.args)
            if method.is_plain and not call.progress:
                return self._plugin.bound(call.method)(*values)
            self._open_extras(call, method, values)
            args, kwargs = method.call_with(values)
            return self._plugin.bound(call.method)(*args, **kwargs)
        except (BadValueError, TypeError) as problem:
            raise _RefusedError("bad-arguments", f"{call.method}: {problem}") from problem

    def _initialize(self, call: codec.Call) -> Coroutine[Any, Any, None]:
        if call.method != INITIALIZE:
            raise _RefusedError("unknown-method", f"no method {call.method!r}")
        return self._plugin.initialize(*decode_value(_CONFIG, call.args))

    def _open_extras(self, call: codec.Call, method: Method, values: list[Any]) -> None:
        """Put streams and a progress callback in their places among the arguments."""
        reporter = Reporter(call.id, self._loop, self.send) if call.progress else None
        self._extras[call.id] = reporter
        self._downloads.open(call.id, method.sources, values)
        for position in method.listeners:
            values[position] = reporter.report if values[position] and reporter is not None else None
        if reporter is not None:
            progress.reporter.set(reporter.report)

    def _finish(self, call: int) -> None:
        """Close what :meth:`_open_extras` opened, the last word of progress said."""
        self._downloads.close(call)
        reporter = self._extras.pop(call, None)
        if reporter is not None:
            reporter.close()

    def _on_host_result(self, answer: codec.HostResult) -> None:
        future = self._host_calls.get(answer.id)
        if future is None or future.done():
            return
        if answer.denial is not None:
            future.set_exception(denial_to_exception(answer.denial))
        elif answer.error is not None:
            future.set_exception(HostServiceError(": ".join(answer.error)))
        else:
            future.set_result(decode_value(ANY, answer.value))

    # ending and reporting

    def _on_shutdown(self) -> None:
        self._flush()
        if self._link is not None:
            self._link.close_when_written()

    def _flush(self) -> None:
        for batch in self._accesses.take():
            self.send(batch)

    def _keep_flushing(self) -> None:
        """Report while calls run; an idle worker does not wake up."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_later(FLUSH_SECONDS, self._flush_again)

    def _flush_again(self) -> None:
        self._flushing = False
        self._flush()
        if self._tasks:
            self._keep_flushing()


def _cancelled(call: codec.Call) -> codec.Error:
    return codec.Error(call.id, "cancelled", "CancelledError", "cancelled by the host")


def _too_large(call: codec.Call, what: str, problem: ValueTooLargeError) -> codec.Error:
    return codec.Error(call.id, "too-large", "ResourceLimitExceeded", f"{what} is too large: {problem}")


_CONFIG: msgspec.msgpack.Decoder[tuple[dict[str, Any]]] = msgspec.msgpack.Decoder(tuple[dict[str, Any]])
