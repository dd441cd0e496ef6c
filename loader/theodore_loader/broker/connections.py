"""The connections a plugin has open: counted by the kernel, bounded by the operator, ended by the host.

The host keeps a duplicate of every descriptor it hands over. The worker shuts a connection down when it closes it
(``worker/sockets.py``), which the duplicate sees (EPOLLHUP), and then the duplicate is closed. A worker that closes
without shutting down keeps its duplicate here until the other side resets it, it has been idle for too long, or
the worker ends; these count as open, so their number is bounded.

Where the system has no ``epoll`` nothing is kept: connections are then neither counted nor ended.
"""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from theodore_loader.broker.limits import NetworkLimits, NetworkUsage, host_share
from theodore_loader.broker.rate import MinuteSum
from theodore_loader.broker.tcp_info import TcpCount, tcp_count

TICK_SECONDS = 0.5
"""How often open connections are looked at; a bound on bytes may be passed by what arrives in that time."""

CAN_WATCH = hasattr(select, "epoll")


@dataclass(frozen=True, slots=True)
class Closing:
    """How a connection ended, for the access log."""

    host: str
    port: int
    location: str | None
    reason: str
    bytes_in: int
    bytes_out: int
    seconds: float


class Connection:
    """One open connection and what the kernel had counted when it was last looked at."""

    __slots__ = ("bytes_in", "bytes_out", "host", "idle_seconds", "location", "port", "reason", "sock", "started")

    def __init__(self, sock: socket.socket, host: str, port: int, location: str | None) -> None:
        self.sock = sock
        self.host, self.port, self.location = host, port, location
        self.started = time.monotonic()
        self.reason = "closed"
        self.bytes_in = self.bytes_out = 0
        self.idle_seconds = 0.0

    def count(self) -> tuple[int, int]:
        """Look again; return how many bytes were received and sent since the last look."""
        try:
            now = tcp_count(self.sock)
        except OSError:
            now = TcpCount(self.bytes_in, self.bytes_out, 0.0)
        more = max(0, now.bytes_in - self.bytes_in), max(0, now.bytes_out - self.bytes_out)
        self.bytes_in += more[0]
        self.bytes_out += more[1]
        self.idle_seconds = now.idle_seconds
        return more

    def shut_down(self, reason: str) -> None:
        """End it for everybody who holds it."""
        self.reason = reason
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Connections:
    """The open connections of one worker, on the event loop that created this."""

    _held: ClassVar[int] = 0
    """Descriptors kept for all workers of this process."""

    def __init__(self, limits: NetworkLimits, closed: Callable[[Closing], None]) -> None:
        self._limits = limits
        self._closed = closed
        self._open: dict[int, Connection] = {}
        self._bytes_in = MinuteSum(limits.bytes_in_per_minute)
        self._bytes_out = MinuteSum(limits.bytes_out_per_minute)
        self._made = self._received = self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._epoll: select.epoll | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def usage(self) -> NetworkUsage:
        """What has been used so far; refusals are counted elsewhere."""
        return NetworkUsage(self._made, len(self._open), self._received, self._sent)

    def refusal(self) -> tuple[str, str] | None:
        """Return the limit that forbids one more connection and what to tell the plugin, or ``None``."""
        limits, now = self._limits, time.monotonic()
        if len(self._open) >= limits.connections:
            self._hung_up()  # some may have ended in this moment
        if len(self._open) >= limits.connections:
            return "connections", f"{limits.connections} connections are open, the most this host allows a plugin"
        if self._bytes_in.is_over(now):
            return "bytes_in_per_minute", f"more than {limits.bytes_in_per_minute} bytes were received in one minute"
        if self._bytes_out.is_over(now):
            return "bytes_out_per_minute", f"more than {limits.bytes_out_per_minute} bytes were sent in one minute"
        if Connections._held >= host_share():
            return "connections", "the plugins of this host have as many connections as it has descriptors for"
        return None

    def add(self, sock: socket.socket, host: str, port: int, location: str | None) -> None:
        """Watch a connection; ``sock`` belongs to this object from now on."""
        self._made += 1
        if not CAN_WATCH:
            sock.close()
            return
        connection = Connection(sock, host, port, location)
        try:
            self._watched().register(sock.fileno(), 0)  # EPOLLHUP and EPOLLERR are always told
        except OSError:  # the host is out of something: what cannot be watched shall not go on
            connection.shut_down("not watched")
            sock.close()
            return
        self._open[sock.fileno()] = connection
        Connections._held += 1
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def shut_down(self, reason: str, wanted: Callable[[str, int], bool] = lambda _host, _port: True) -> None:
        """End the connections to every ``host, port`` that is ``wanted``."""
        for connection in list(self._open.values()):
            if wanted(connection.host, connection.port):
                connection.shut_down(reason)
                self._end(connection)

    def close(self, reason: str) -> None:
        """End all connections and stop watching."""
        self.shut_down(reason)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._epoll is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _watched(self) -> select.epoll:
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._hung_up)
        return self._epoll

    def _hung_up(self) -> None:
        assert self._epoll is not None  # noqa: S101 - its reader is removed before it is closed
        for descriptor, events in self._epoll.poll(0):
            connection = self._open.get(descriptor)
            if connection is None:  # recording the end of another may have ended them all
                continue
            if not events & select.EPOLLHUP:  # an error without an end: what is not watched shall not go on
                connection.shut_down("failed")
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        descriptor = connection.sock.fileno()
        if self._open.pop(descriptor, None) is None:
            return
        self._add_up(connection)
        assert self._epoll is not None  # noqa: S101 - the connection was registered with it
        self._epoll.unregister(descriptor)  # closing alone would not: the worker may hold the same connection
        connection.sock.close()
        Connections._held -= 1
        taken = time.monotonic() - connection.started
        self._closed(
            Closing(
                connection.host,
                connection.port,
                connection.location,
                connection.reason,
                connection.bytes_in,
                connection.bytes_out,
                taken,
            )
        )

    def _add_up(self, connection: Connection) -> None:
        received, sent = connection.count()
        if received or sent:
            now = time.monotonic()
            self._bytes_in.add(received, now)
            self._bytes_out.add(sent, now)
            self._received += received
            self._sent += sent

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick) if self._open else None
        for connection in list(self._open.values()):
            self._add_up(connection)
            if connection.idle_seconds > self._limits.idle_seconds:
                connection.shut_down(f"idle for more than {self._limits.idle_seconds:g} s")
                self._end(connection)
        now = time.monotonic()
        for counter, name in ((self._bytes_in, "bytes_in_per_minute"), (self._bytes_out, "bytes_out_per_minute")):
            if counter.is_over(now) and self._open:
                self.shut_down(f"{name}: more than {counter.limit} bytes")
