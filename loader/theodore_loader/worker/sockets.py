"""The class in place of ``socket.socket``, and what a close has to do beside closing.

``connect`` asks the broker and puts the connected descriptor where the socket's own placeholder was (``dup2``), so that
the number a library may already have stored stays right. Options set before ``connect`` are replayed after it.

The host holds a duplicate of every connection, so closing alone ends none: the last descriptor of a connection in this
process shuts it down. That holds for every socket of the standard library, those of ``ssl`` included.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from typing import Any, Final

from theodore_loader.worker.asking import the_broker

_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)
_real_pair: Final = socket.socketpair
_LIBRARY_SOCKET: Final = socket.socket
"""The standard library's own class. ``ssl.SSLSocket`` derives from it and not from the class put in its place."""

_FINALIZE: Final[Any] = getattr(_socket.socket, "__del__")  # noqa: B009 - unknown to type checkers

_connections: Final[dict[int, list[int]]] = {}
"""Descriptors of connections the host has a duplicate of, and for each how many there are in this process."""


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
            raise the_broker().refuse("network", f"a socket of {_named(family)}, {_named_kind(kind)}")
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
            self.adopt(the_broker().connected(host, port, self.gettimeout() or None))
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
        _connections[self.fileno()] = [1]
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
        """Return a second descriptor of the connection; closing the last of them ends it."""
        return _shared(self.fileno(), super().dup())

    def bind(self, address: Any) -> None:
        """Refuse: a worker neither listens nor chooses its source address."""
        raise the_broker().refuse("network:listen", str(address)[:200])

    def listen(self, backlog: int = 0) -> None:
        """Refuse, like :meth:`bind`."""
        raise the_broker().refuse("network:listen", "listen()")


def _shared(descriptor: int, second: _socket.socket) -> _socket.socket:
    holders = _connections.get(descriptor)
    if holders is not None:
        holders[0] += 1
        _connections[second.fileno()] = holders
    return second


def fromfd(fd: int, family: int, type: int, proto: int = 0) -> Any:  # noqa: A002 - the standard library's name
    """Return a socket with a duplicate of ``fd``."""
    return _shared(fd, _real_fromfd(fd, family, type, proto))


_real_fromfd: Final = socket.fromfd


def _end_connection(sock: _socket.socket) -> None:
    """Say goodbye for everybody who holds the connection: with the host's duplicate, closing alone does not."""
    holders = _connections.pop(sock.fileno(), None)
    if holders is None:
        return
    holders[0] -= 1
    if not holders[0]:
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


def install() -> None:
    """Put :class:`BrokeredSocket` in place of the library's class, and end connections when they are closed."""
    _LIBRARY_SOCKET._real_close = _real_close  # type: ignore[attr-defined]
    _LIBRARY_SOCKET.__del__ = _forgotten  # type: ignore[attr-defined]
    # assigned by name: the type checker rightly refuses to see a class replaced
    for name, replacement in (("socket", BrokeredSocket), ("SocketType", BrokeredSocket), ("fromfd", fromfd)):
        setattr(socket, name, replacement)
