"""The worker end of a channel: runs the plugin's coroutines, one task a call, on the worker's only event loop.

It is honest and convenient, not a boundary: plugin code shares its process and can write to the descriptor
itself. The host's end is what trusts nothing.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from theodore_loader.channel import codec
from theodore_loader.channel.failures import denial_to_exception, error_frame
from theodore_loader.channel.frames import FrameBuffer
from theodore_loader.channel.methods import (
    ANY,
    INITIALIZE,
    BadValueError,
    Method,
    ValueTooLargeError,
    decode_value,
    encode_value,
)
from theodore_loader.worker.calls import enter_call
from theodore_loader.worker.reports import AccessBatch

FLUSH_SECONDS = 0.25


class HostServiceError(Exception):
    """A host service raised; the message holds the type's name and what it said."""


class Plugin(Protocol):
    """What the server drives: the loaded plugin object behind its category's table of methods."""

    methods: Mapping[str, Method]

    def load(self, load: codec.Load) -> None:
        """Import and instantiate the plugin's class."""

    def initialize(self, config: Mapping[str, Any]) -> Coroutine[Any, Any, None]:
        """Return the coroutine of the plugin's own ``initialize``."""

    def bound(self, method: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return the plugin's own method."""


class WorkerChannel(asyncio.BufferedProtocol):
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
        self._frames = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._host_calls: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._flushing = False
        self._react: dict[type, Callable[[Any], None]] = {
            codec.Load: self._on_load,
            codec.Call: self._on_call,
            codec.Cancel: self._on_cancel,
            codec.HostResult: self._on_host_result,
            codec.Ping: lambda ping: self.send(codec.Pong(ping.id)),
            codec.Shutdown: lambda _: self._on_shutdown(),
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return memory to receive into."""
        return self._frames.writable()

    def buffer_updated(self, nbytes: int) -> None:
        """React to every frame that is now complete."""
        for payload in self._frames.received(nbytes):
            message = codec.decode_from_host(payload)
            self._react[type(message)](message)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: without a host there is nobody to work for."""
        self._leave(0)

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
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(codec.encode(message))

    def _on_load(self, load: codec.Load) -> None:
        started = self._loop.time()
        try:
            self._plugin.load(load)
        except BaseException as problem:
            self._flush()
            self.send(error_frame(0, problem, self._roots))
            return
        self._flush()
        self.send(codec.Loaded((self._loop.time() - started) * 1000))

    def _on_call(self, call: codec.Call) -> None:
        task = self._loop.create_task(self._run(call))
        self._tasks[call.id] = task
        self._keep_flushing()

    def _on_cancel(self, cancel: codec.Cancel) -> None:
        task = self._tasks.get(cancel.id)
        if task is not None:
            task.cancel()

    async def _run(self, call: codec.Call) -> None:
        enter_call()
        try:
            answer = await self._answer(call)
        except asyncio.CancelledError:
            answer = codec.Error(call.id, "cancelled", "CancelledError", "cancelled by the host")
        except BaseException as problem:
            answer = error_frame(call.id, problem, self._roots)
        finally:
            self._tasks.pop(call.id, None)
        self._flush()
        self.send(answer)

    async def _answer(self, call: codec.Call) -> codec.Result | codec.Error:
        try:
            coroutine = self._coroutine(call)
        except (BadValueError, TypeError) as problem:
            return codec.Error(call.id, "bad-arguments", "TypeError", codec.truncated(f"{call.method}: {problem}"))
        if coroutine is None:
            return codec.Error(call.id, "unknown-method", "TypeError", f"no method {call.method!r}")
        value = await coroutine
        try:
            return codec.Result(call.id, encode_value(value))
        except ValueTooLargeError as problem:
            text = f"the result of {call.method} is too large: {problem}"
            return codec.Error(call.id, "too-large", "ResourceLimitExceeded", text)
        except (TypeError, ValueError, OverflowError, RecursionError) as problem:
            return codec.Error(
                call.id, "bad-result", "TypeError", codec.truncated(f"the result of {call.method}: {problem}")
            )

    def _coroutine(self, call: codec.Call) -> Coroutine[Any, Any, Any] | None:
        if call.method == INITIALIZE:
            return self._plugin.initialize(*decode_value(_CONFIG, call.args))
        method = self._plugin.methods.get(call.method)
        if method is None:
            return None
        args, kwargs = method.decode_args(call.args)
        return self._plugin.bound(call.method)(*args, **kwargs)

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

    def _on_shutdown(self) -> None:
        self._flush()
        if self._transport is not None:
            self._transport.close()  # connection_lost follows once everything is written

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


_CONFIG: msgspec.msgpack.Decoder[tuple[dict[str, Any]]] = msgspec.msgpack.Decoder(tuple[dict[str, Any]])
