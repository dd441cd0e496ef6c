"""Asks the host for connections, from any thread and any event loop.

Answers arrive on one socket, and whoever waits should be who reads: waking another thread costs more than the dial.
So a thread that asks reads the answers itself until its own has come, an event loop that is the only one to wait
watches the socket, and everything else (several threads, several loops, both) is served by a thread of its own that
lives as long as somebody waits. ``_reader`` says whose turn it is; only that one may receive.
"""

from __future__ import annotations

import _socket
import asyncio
import errno
import itertools
import operator
import os
import socket
import threading
from contextlib import suppress
from typing import Final, Protocol, SupportsIndex

from theodore_loader.broker.wire import MAX_PACKET, Abandon, Dial, Dialled, decode_dialled, encode
from theodore_sdk.errors import PluginPermissionError, ResourceLimitExceeded

Outcome = int | Exception
"""A connected descriptor, which belongs to whoever takes it, or why there is none."""

_SOME_THREAD: Final = object()
MAX_PORT = 65535


class _Waiter(Protocol):
    @property
    def resource(self) -> str:
        """``host:port`` as it was asked for."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that waits, or ``None`` for a thread."""

    def answer(self, outcome: Outcome) -> bool:
        """Take the outcome; ``False`` if nobody wants it any more."""


class _Blocked:
    """A thread that waits."""

    __slots__ = ("_arrived", "loop", "outcome", "resource")

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.loop = None
        self.outcome: Outcome | None = None
        self._arrived = threading.Lock()
        self._arrived.acquire()

    def answer(self, outcome: Outcome) -> bool:
        self.outcome = outcome
        self._arrived.release()
        return True

    def wait(self) -> int:
        """Return the descriptor or raise, as soon as somebody has answered."""
        self._arrived.acquire()
        if isinstance(self.outcome, int):
            return self.outcome
        assert self.outcome is not None  # noqa: S101 - set before the lock was released
        raise self.outcome


class _Awaiting:
    """A coroutine that waits."""

    __slots__ = ("future", "loop", "resource")

    def __init__(self, resource: str, loop: asyncio.AbstractEventLoop) -> None:
        self.resource = resource
        self.loop = loop
        self.future: asyncio.Future[int] = loop.create_future()

    def answer(self, outcome: Outcome) -> bool:
        if asyncio._get_running_loop() is self.loop:
            return self._settle(outcome)
        try:
            self.loop.call_soon_threadsafe(self._settle_or_close, outcome)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _settle(self, outcome: Outcome) -> bool:
        if self.future.done():
            return False
        if isinstance(outcome, int):
            self.future.set_result(outcome)
        else:
            self.future.set_exception(outcome)
        return True

    def _settle_or_close(self, outcome: Outcome) -> None:
        if not self._settle(outcome):
            _close(outcome)


class Dialer:
    """The worker's end of the broker socket.

    Dialling raises :class:`PluginPermissionError`, :class:`ResourceLimitExceeded`, ``socket.gaierror``,
    ``TimeoutError`` or another ``OSError``.
    """

    def __init__(self, broker: socket.socket) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Waiter] = {}
        self._reader: object | None = None
        self._watching: asyncio.AbstractEventLoop | None = None

    def connect(self, host: str, port: int, seconds: float | None, location: str | None) -> int:
        """Return a connected descriptor; blocks."""
        waiter = _Blocked(f"{host}:{port}")
        with self._lock:
            number = self._ask(waiter, host, port, seconds, location)
            mine = self._reader is not _SOME_THREAD
            self._reader = _SOME_THREAD
        try:
            if mine:
                self._read_until_answered(waiter)
            return waiter.wait()
        except BaseException:  # an interrupt: the answer that is to come is nobody's
            self._waiting.pop(number, None)
            raise

    async def connect_async(self, host: str, port: int, location: str | None) -> int:
        """Return a connected descriptor; a cancellation reaches the host."""
        loop = asyncio.get_running_loop()
        waiter = _Awaiting(f"{host}:{port}", loop)
        with self._lock:
            number = self._ask(waiter, host, port, None, location)
            self._have_it_read(loop)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._abandon(number, waiter)
            raise

    def _ask(self, waiter: _Waiter, host: str, port: int, seconds: float | None, location: str | None) -> int:
        dial = Dial(next(self._ids), host_of(host), port_of(port), seconds, location and location[:512])
        number = dial.id
        self._broker.send(encode(dial))
        self._waiting[number] = waiter
        return number

    def _abandon(self, number: int, waiter: _Awaiting) -> None:
        if self._waiting.pop(number, None) is not None:
            with suppress(OSError):
                self._broker.send(encode(Abandon(number)))
        elif waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
            hang_up(waiter.future.result())  # answered in the same moment

    # who reads

    def _have_it_read(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._reader is _SOME_THREAD:
            return
        if any(waiter.loop is not loop for waiter in list(self._waiting.values())):
            self._start_thread()
            return
        self._reader = loop
        if self._watching is not loop:
            loop.add_reader(self._broker.fileno(), self._readable, loop)
            self._watching = loop

    def _start_thread(self) -> None:
        self._reader = _SOME_THREAD
        threading.Thread(target=self._serve, name="theodore-broker", daemon=True).start()

    def _read_until_answered(self, waiter: _Blocked) -> None:
        try:
            while waiter.outcome is None:
                self._receive()
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._start_thread()
            else:
                self._reader = None

    # reading

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._reader = None
                    return
            self._receive()

    def _readable(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._reader is not loop:
                self._watching = None if self._watching is loop else self._watching
                loop.remove_reader(self._broker.fileno())
                return
            try:
                data, descriptors, _, _ = socket.recv_fds(self._broker, MAX_PACKET, 1, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
        if not data:
            loop.remove_reader(self._broker.fileno())
        self._settle(data, descriptors)

    def _receive(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._broker, MAX_PACKET, 1)
        self._settle(data, descriptors)

    def _settle(self, data: bytes, descriptors: list[int]) -> None:
        if not data:
            self._fail_all()
            return
        answer = decode_dialled(data)
        waiter = self._waiting.pop(answer.id, None)
        outcome = _outcome(answer, descriptors, waiter.resource if waiter else "")
        if waiter is None or not waiter.answer(outcome):
            _close(outcome)

    def _fail_all(self) -> None:
        for number in list(self._waiting):
            waiter = self._waiting.pop(number, None)
            if waiter is not None:
                waiter.answer(ConnectionAbortedError(errno.ECONNABORTED, "the host's broker is gone"))


def host_of(host: object) -> str:
    """Return the host of an address as the broker takes it.

    Addresses are often other people's: a port out of a URL that somebody wrote must fail here, as it does in any
    process, and not on the wire, where it would look like an attack.

    Raises:
        TypeError, UnicodeError: it is no host.

    """
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii")
    if not isinstance(host, str):
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    host.encode()  # lone surrogates
    return host[:512]


def port_of(port: SupportsIndex) -> int:
    """Return the port of an address as the broker takes it.

    Raises:
        TypeError, OverflowError: it is none, as ``socket.connect`` says.

    """
    number = operator.index(port)
    if not 0 <= number <= MAX_PORT:
        raise OverflowError("connect(): port must be 0-65535.")
    return int(number)


def hang_up(descriptor: int) -> None:
    """End a connection that nobody wants: the host has a duplicate, so closing alone would leave it open there."""
    unwanted = _socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, descriptor)
    with suppress(OSError):  # the other side was faster
        unwanted.shutdown(socket.SHUT_RDWR)
    unwanted.close()


def _close(outcome: Outcome) -> None:
    if isinstance(outcome, int):
        hang_up(outcome)


def _outcome(answer: Dialled, descriptors: list[int], resource: str) -> Outcome:
    if answer.outcome == "connected" and descriptors:
        os.set_inheritable(descriptors[0], False)
        return descriptors[0]
    for descriptor in descriptors:
        os.close(descriptor)
    return problem_of(answer, resource)


def problem_of(answer: Dialled, resource: str) -> Exception:
    """Return the exception for an answer without a descriptor."""
    if answer.outcome == "denied":
        return PluginPermissionError("network", answer.message or resource, enforced_by="broker")
    if answer.outcome == "limited":
        return ResourceLimitExceeded(answer.limit or "max_network_requests_per_minute", answer.message)
    if answer.outcome == "unresolved":
        return socket.gaierror(answer.errno, answer.message)
    if answer.outcome == "timeout":
        return TimeoutError(errno.ETIMEDOUT, answer.message)
    return OSError(answer.errno, answer.message)
