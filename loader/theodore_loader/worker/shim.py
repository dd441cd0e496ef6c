"""Sockets without ``socket()``: what lets unmodified clients run where the kernel refuses it.

``socket.socket`` becomes a class whose ``connect`` asks the broker and puts the connected descriptor where its own
placeholder was (``dup2``), so that the number a library may already have stored stays right. Names are not
resolved here: ``getaddrinfo`` answers with the name itself as the address, and the host resolves it when it
dials. TLS is untouched and ends in this process. Options set before ``connect`` are replayed after it.

Everything here is convenience. A plugin that reaches round it meets seccomp.
"""

from __future__ import annotations

import _socket
import errno
import ipaddress
import os
import socket
import sys
from asyncio import base_events, selector_events
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final

from theodore_loader.channel.failures import relative_to
from theodore_loader.permissions import Permission
from theodore_loader.worker.calls import waiting_line
from theodore_loader.worker.dialer import Dialer
from theodore_sdk.errors import PluginPermissionError

_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)
_SERVICES: Final = {"http": 80, "https": 443, "ftp": 21, "smtp": 25, "imap": 143, "postgresql": 5432}
MAX_REMEMBERED: Final = 256
_real_pair: Final = socket.socketpair
_LIBRARY_SOCKET: Final = socket.socket
"""The standard library's own class. ``ssl.SSLSocket`` derives from it and not from the class put in its place."""

_FINALIZE: Final[Any] = getattr(_socket.socket, "__del__")  # noqa: B009 - unknown to type checkers

_connections: Final[set[int]] = set()
"""Descriptors of connections the host has a duplicate of."""


class _Broker:
    """What the patched functions share; one per process."""

    def __init__(self, dialer: Dialer, grants: Sequence[Permission], roots: Sequence[str]) -> None:
        self.dialer = dialer
        self._grants = tuple(grants)
        self._roots = tuple(roots)
        self._granted: set[tuple[str, int]] = set()

    def may_dial(self, host: str, port: int) -> bool:
        """Say whether asking has a chance; the host decides, and logs what it refuses."""
        if (host, port) in self._granted:
            return True
        granted = any(grant.allows_host(host, port) for grant in self._grants)
        if granted and len(self._granted) < MAX_REMEMBERED:
            self._granted.add((host, port))
        return granted

    def refuse(self, permission: str, resource: str) -> PluginPermissionError:
        """Return a denial that names the plugin's line."""
        return PluginPermissionError(permission, resource, location=self.caller(), enforced_by="broker")

    def located(self, problem: Exception) -> Exception:
        """Return ``problem``; a denial gets the plugin's line."""
        if isinstance(problem, PluginPermissionError) and problem.location is None:
            return self.refuse(problem.permission, problem.resource)
        return problem

    def caller(self) -> str | None:
        """Return ``file:line`` of the plugin: its innermost frame on this thread, else its coroutine that waits."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            relative = relative_to(frame.f_code.co_filename, self._roots[:1])
            if relative is not None:
                return f"{relative}:{frame.f_lineno}"
            frame = frame.f_back
        return waiting_line(self._roots[0]) if self._roots else None

    def connected(self, host: str, port: int, seconds: float | None) -> int:
        """Return a connected descriptor; blocks."""
        try:
            return self.dialer.connect(host, port, seconds, self.caller())
        except Exception as problem:
            raise self.located(problem) from None


_broker: _Broker | None = None


def _the_broker() -> _Broker:
    if _broker is None:
        raise OSError(errno.ENETDOWN, "this process has no broker")
    return _broker


def plugin_line() -> str | None:
    """Return the plugin's ``file:line`` that asks for something now."""
    return _broker.caller() if _broker is not None else None


class BrokeredSocket(socket.socket):
    """A socket whose connection is made by the host.

    Until it is connected it holds one end of a closed pair: a descriptor to configure and poll, nothing more.
    """

    _options: list[tuple[Any, ...]] | None = None

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002
        if fileno is not None:
            super().__init__(family, type, proto, fileno)
            return
        family = socket.AF_INET if family == -1 else family
        kind = socket.SOCK_STREAM if type == -1 else type & ~(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        if family not in _INTERNET or kind != socket.SOCK_STREAM:
            raise _the_broker().refuse("network", f"a socket of {_named(family)}, {_named_kind(kind)}")
        super().__init__(family, kind, max(proto, 0), _placeholder())
        self._options = []

    @property
    def is_placeholder(self) -> bool:
        """Whether :meth:`connect` has not succeeded yet."""
        return self._options is not None

    def connect(self, address: Any) -> None:
        """Have the host connect to ``address``; blocks, within the socket's timeout, also when that is zero."""
        if self.is_placeholder:
            host, port = address[0], address[1]
            self.adopt(_the_broker().connected(host, port, self.gettimeout() or None))
        else:
            super().connect(address)

    def connect_ex(self, address: Any) -> int:
        """Like :meth:`connect`, with the error number as the answer."""
        try:
            self.connect(address)
        except OSError as problem:
            return problem.errno or errno.EIO
        return 0

    def adopt(self, descriptor: int) -> None:
        """Become the connection behind ``descriptor``, under the same number."""
        os.dup2(descriptor, self.fileno(), inheritable=False)
        os.close(descriptor)
        _connections.add(self.fileno())
        options, self._options = self._options or [], None
        self.settimeout(self.gettimeout())  # whether it blocks is a property of the descriptor just replaced
        for option in options:
            super().setsockopt(*option)

    def setsockopt(self, *option: Any) -> None:
        """Set an option, now or as soon as there is a connection."""
        if self._options is not None:
            self._options.append(option)
        else:
            super().setsockopt(*option)

    def dup(self) -> Any:
        """Return a second descriptor of the connection; then closing one of them must not end it."""
        _connections.discard(self.fileno())
        return super().dup()

    def bind(self, address: Any) -> None:
        """Refuse: a worker neither listens nor chooses its source address."""
        raise _the_broker().refuse("network:listen", str(address)[:200])

    def listen(self, backlog: int = 0) -> None:
        """Refuse, like :meth:`bind`."""
        raise _the_broker().refuse("network:listen", "listen()")


def _end_connection(sock: _socket.socket) -> None:
    """Say goodbye for everybody who holds the connection: with the host's duplicate, closing alone does not."""
    descriptor = sock.fileno()
    if descriptor in _connections:
        _connections.discard(descriptor)
        try:
            _socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:  # the other side was faster
            return


def _real_close(self: Any, _ss: Any = _socket.socket) -> None:
    """Replace ``socket.socket._real_close``, through which every close of the standard library goes."""
    _end_connection(self)
    _ss.close(self)


def _forgotten(self: Any, _end: Any = _end_connection, _finalize: Any = _FINALIZE) -> None:
    """Replace the finaliser: a connection that nobody closed ends too."""
    try:
        _end(self)
    finally:
        _finalize(self)


def _placeholder() -> int:
    kept, closed = _real_pair()
    closed.close()
    return kept.detach()


def _named(family: int) -> str:
    return getattr(family, "name", str(family))


def _named_kind(kind: int) -> str:
    return next((member.name for member in socket.SocketKind if member == kind), str(kind))


def getaddrinfo(
    host: bytes | str | None,
    port: bytes | str | int | None,
    family: int = 0,
    type: int = 0,  # noqa: A002 - the standard library's name
    proto: int = 0,
    flags: int = 0,
) -> list[tuple[int, int, int, str, tuple[Any, ...]]]:
    """Return one stream address with ``host`` unresolved; a name outside the grants is refused (and logged) now."""
    name = _host_name(host)
    number = _port_number(port)
    if type not in (0, socket.SOCK_STREAM):
        raise socket.gaierror(socket.EAI_SOCKTYPE, "a worker has stream sockets only")
    broker = _the_broker()
    if number and not broker.may_dial(name, number):
        os.close(broker.connected(name, number, None))  # asked so that the host refuses, and records it
    if ":" in name or family == socket.AF_INET6:
        return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (name, number, 0, 0))]
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (name, number))]


def _host_name(host: bytes | str | None) -> str:
    if host is None:
        return "127.0.0.1"
    return host.decode("ascii", "strict") if isinstance(host, bytes) else str(host)


def _port_number(port: bytes | str | int | None) -> int:
    text = port.decode() if isinstance(port, bytes) else port
    try:
        return _SERVICES[text] if text in _SERVICES else int(text or 0)
    except ValueError:
        raise socket.gaierror(socket.EAI_SERVICE, f"unknown service {text!r}; give a port number") from None


def gethostbyname(hostname: str) -> str:
    """Return an address unchanged; names are resolved by the host, when it dials."""
    try:
        return str(ipaddress.IPv4Address(hostname))
    except ValueError:
        raise socket.gaierror(
            socket.EAI_AGAIN, "a worker resolves no names; connect by name and the host resolves it"
        ) from None


async def _sock_connect(loop: Any, sock: Any, address: Any) -> None:
    if not isinstance(sock, BrokeredSocket) or not sock.is_placeholder:
        await _real_sock_connect(loop, sock, address)
        return
    broker = _the_broker()
    where = broker.caller()
    try:
        descriptor = await broker.dialer.connect_async(address[0], address[1], where)
    except PluginPermissionError as denied:
        located = denied.location or where
        raise PluginPermissionError(
            denied.permission, denied.resource, location=located, enforced_by="broker"
        ) from None
    sock.adopt(descriptor)


async def _loop_getaddrinfo(loop: Any, host: Any, port: Any, **hints: Any) -> list[Any]:
    """Replace the event loop's own, which takes a thread: nothing is looked up for a granted name, so nothing waits."""
    if isinstance(host, str) and isinstance(port, int) and _the_broker().may_dial(host, port):
        return getaddrinfo(host, port, **hints)
    found: list[Any] = await _real_loop_getaddrinfo(loop, host, port, **hints)
    return found


_real_loop_getaddrinfo: Final[Any] = base_events.BaseEventLoop.getaddrinfo
_real_sock_connect: Final[Any] = selector_events.BaseSelectorEventLoop.sock_connect


def install(broker_fd: int, grants: Sequence[Permission], roots: Sequence[str]) -> None:
    """Put the broker's sockets in place of the standard library's, in this process."""
    global _broker
    _broker = _Broker(Dialer(socket.socket(fileno=broker_fd)), grants, roots)
    # assigned by name: the type checker rightly refuses to see a class replaced
    for name, replacement in (
        ("socket", BrokeredSocket),
        ("SocketType", BrokeredSocket),
        ("getaddrinfo", getaddrinfo),
        ("gethostbyname", gethostbyname),
    ):
        setattr(socket, name, replacement)
    _LIBRARY_SOCKET._real_close = _real_close  # type: ignore[attr-defined]
    _LIBRARY_SOCKET.__del__ = _forgotten  # type: ignore[attr-defined]
    base_events.BaseEventLoop.getaddrinfo = _loop_getaddrinfo  # type: ignore[method-assign, assignment]
    selector_events.BaseSelectorEventLoop.sock_connect = _sock_connect  # type: ignore[assignment]
