"""Both ends of a channel in one process and on one loop: real frames over a real socket pair."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from theodore_loader.channel import codec
from theodore_loader.channel.client import HostChannel
from theodore_loader.channel.frames import FrameBuffer, frame
from theodore_loader.channel.methods import ANY, methods_of
from theodore_loader.channel.requests import request_of
from theodore_loader.channel.server import WorkerChannel
from theodore_loader.channel.unasked import Handlers
from theodore_loader.errors import LoaderError
from theodore_loader.worker.reports import AccessBatch

READY = codec.Ready(codec.PROTOCOL_VERSION, b"n", 1, "3.11", 0, (), (), {})
SECONDS = 20.0


@dataclass
class Loaded:
    """An object in place of a loaded plugin."""

    plugin: Any
    base: type

    def __post_init__(self) -> None:
        self.methods = methods_of(self.base)
        self.operations = tuple(self.methods)

    def load(self, load: codec.Load) -> None:
        """Nothing is imported: the object exists."""

    def initialize(self, config: Any) -> Any:
        """Nobody initialises it."""
        raise NotImplementedError

    def bound(self, method: str) -> Any:
        """Return a method of the object."""
        return getattr(self.plugin, method)


@dataclass
class Pair:
    """A host's end, and what it heard."""

    host: HostChannel
    base: type
    ends: list[LoaderError] = field(default_factory=list)
    logs: list[codec.Log] = field(default_factory=list)

    async def call(self, name: str, *args: Any, seconds: float = SECONDS, **kwargs: Any) -> Any:
        """Call a method of the plugin."""
        method = methods_of(self.base)[name]
        return await self.host.call(request_of(method, args, kwargs, seconds), method.read)

    async def stream(self, name: str, *args: Any, seconds: float = SECONDS, **kwargs: Any) -> AsyncIterator[Any]:
        """Iterate over what a method of the plugin yields."""
        method = methods_of(self.base)[name]
        async with aclosing(self.host.stream(request_of(method, args, kwargs, seconds), method.read)) as items:
            async for item in items:
                yield item


@dataclass
class Peer:
    """The raw end of a worker that says whatever a test wants."""

    socket: socket.socket
    frames: FrameBuffer = field(default_factory=FrameBuffer)

    async def say(self, *messages: codec.Frame | list[Any]) -> None:
        """Send frames."""
        await self.raw(b"".join(frame(msgspec.msgpack.encode(message)) for message in messages))

    async def raw(self, data: bytes) -> None:
        """Send bytes; a host that has hung up does not mind."""
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def heard(self) -> list[Any]:
        """Return the frames that have arrived, as plain values, and wait for the first."""
        found: list[Any] = []
        while not found:
            data = await asyncio.get_running_loop().sock_recv(self.socket, 1 << 16)
            found = [ANY.decode(payload) for payload in self.frames.feed(data)]
        return found


def _host(base: type) -> Pair:
    pair: Pair

    async def answer(call: codec.HostCall) -> codec.HostResult:
        return codec.HostResult(call.id, msgspec.Raw(b"\xc0"))

    handlers = Handlers(lambda log: pair.logs.append(log), lambda _: None, answer, lambda end: pair.ends.append(end))
    pair = Pair(HostChannel(handlers), base)
    return pair


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Any]]:
    """Return a function that connects a host to an object that derives from ``base``."""
    hosts: list[HostChannel] = []

    async def run(plugin: Any, base: type) -> Pair:
        ours, theirs = socket.socketpair()
        pair = _host(base)
        hosts.append(pair.host)
        pair.host.attach(ours)
        worker = WorkerChannel(Loaded(plugin, base), [], AccessBatch(), leave=lambda _status: None)
        worker.attach(theirs)
        ready = asyncio.ensure_future(pair.host.exchange(codec.Cancel(1), SECONDS))
        await asyncio.sleep(0)
        worker.send(READY)
        with contextlib.suppress(LoaderError):
            await ready
        return pair

    yield run
    for host in hosts:
        host.end(LoaderError("the test is over"))
    await asyncio.sleep(0.01)


@pytest.fixture
async def impersonate() -> AsyncIterator[Callable[..., Any]]:
    """Return a function that connects a host to a raw socket, past the handshake unless told otherwise."""
    opened: list[tuple[HostChannel, socket.socket]] = []

    async def run(base: type, *, ready: bool = True) -> tuple[Pair, Peer]:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        pair = _host(base)
        opened.append((pair.host, theirs))
        pair.host.attach(ours)
        peer = Peer(theirs)
        if ready:
            waiting = asyncio.ensure_future(pair.host.exchange(codec.Shutdown(), SECONDS))
            await peer.heard()
            await peer.say(READY)
            await waiting
        return pair, peer

    yield run
    for host, theirs in opened:
        host.end(LoaderError("the test is over"))
        theirs.close()
    await asyncio.sleep(0)
