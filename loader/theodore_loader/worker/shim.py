"""Sockets without ``socket()``: what lets unmodified clients run where the kernel refuses it.

``socket.socket`` becomes a class whose ``connect`` asks the broker (``sockets.py``). Names are not resolved here:
``getaddrinfo`` answers with the name itself as the address, and the host resolves it when it dials. TLS is untouched
and ends in this process.

Everything here is convenience. A plugin that reaches round it meets seccomp.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from asyncio import base_events, selector_events
from collections.abc import Sequence
from typing import Any, Final

from theodore_loader.permissions import Permission
from theodore_loader.worker import asking, sockets
from theodore_loader.worker.asking import the_broker
from theodore_loader.worker.dialer import Dialer, port_of
from theodore_sdk.errors import PluginPermissionError

_SERVICES: Final = {"http": 80, "https": 443, "ftp": 21, "smtp": 25, "imap": 143, "postgresql": 5432}


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
    broker = the_broker()
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
        return port_of(_SERVICES[text] if text in _SERVICES else int(text or 0))
    except (ValueError, OverflowError):
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
    if not isinstance(sock, sockets.BrokeredSocket) or not sock.is_placeholder:
        await _real_sock_connect(loop, sock, address)
        return
    broker = the_broker()
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
    if isinstance(host, str) and isinstance(port, int) and the_broker().may_dial(host, port):
        return getaddrinfo(host, port, **hints)
    found: list[Any] = await _real_loop_getaddrinfo(loop, host, port, **hints)
    return found


_real_loop_getaddrinfo: Final[Any] = base_events.BaseEventLoop.getaddrinfo
_real_sock_connect: Final[Any] = selector_events.BaseSelectorEventLoop.sock_connect


def install(broker_fd: int, grants: Sequence[Permission], roots: Sequence[str]) -> None:
    """Put the broker's sockets in place of the standard library's, in this process."""
    asking.use(Dialer(socket.socket(fileno=broker_fd)), grants, roots)
    sockets.install()
    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
    socket.gethostbyname = gethostbyname
    base_events.BaseEventLoop.getaddrinfo = _loop_getaddrinfo  # type: ignore[method-assign, assignment]
    selector_events.BaseSelectorEventLoop.sock_connect = _sock_connect  # type: ignore[assignment]
