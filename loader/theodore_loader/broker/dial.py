"""The host's end of the broker: judges a request for a connection, makes it, hands over the descriptor.

The rules, in order; the first that fails refuses:

1. the request is a well-formed packet from a worker with few dials open;
2. the host is one canonical name or address (``permissions.network``: IDNA, lower case, no ``127.1``, no ``0x7f``);
3. a granted ``network`` permission covers ``host:port``;
4. fewer than ``max_network_requests_per_minute`` connections in the last 60 seconds. The broker sees connections,
   not requests: with keep-alive one connection carries many;
5. the name is resolved once. Only addresses that are global, or granted as addresses, or loopback for the name
   ``localhost`` are kept: a granted name says nothing about the private address it may be pointed at;
6. the connection is made to an address that passed, never to the name again.

Every decision is one record of the access log. TLS is the plugin's: bytes are not looked at.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import msgspec

from theodore_loader.broker.rate import SlidingMinute, TokenBucket
from theodore_loader.broker.wire import MAX_PACKET, Dial, Dialled, decode_dial, encode
from theodore_loader.errors import ProtocolViolation
from theodore_loader.permissions import Permission
from theodore_loader.permissions.hosts import Host, canonical_host

MAX_OPEN_DIALS = 16
MAX_SECONDS = 30.0
MAX_RESOLVING = 4
"""Names looked up at once. The threads are this worker's own: a name server that does not answer must not hold
those of the host, in which everybody's plugins are verified."""
DIALS_PER_SECOND = 500

Address = tuple[int, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the broker did with one request, for the access log."""

    resource: str
    granted: bool
    detail: str
    location: str | None = None


class _Answer(Exception):
    def __init__(self, outcome: str, message: str, number: int = 0) -> None:
        self.outcome, self.message, self.number = outcome, message, number
        super().__init__(message)


class Broker:
    """Serves one worker's requests on the event loop that created it."""

    def __init__(
        self,
        sock: socket.socket,
        grants: Sequence[Permission],
        *,
        per_minute: int,
        record: Callable[[Decision], None],
        violation: Callable[[ProtocolViolation], None],
    ) -> None:
        self._sock = sock
        self._grants = tuple(grants)
        self._minute = SlidingMinute(per_minute)
        self._packets = TokenBucket(DIALS_PER_SECOND, DIALS_PER_SECOND)
        self._record = record
        self._violation = violation
        self._open: set[asyncio.Task[None]] = set()
        self._resolvers = ThreadPoolExecutor(MAX_RESOLVING, "resolve")  # starts no thread before it is needed
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._readable)

    def close(self) -> None:
        """Stop serving; dials under way are abandoned."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        for task in self._open:
            task.cancel()

    def _readable(self) -> None:
        try:
            packet = self._sock.recv(MAX_PACKET)  # recv, not recvmsg: descriptors from a worker are discarded
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            packet = b""
        if not packet:
            self.close()
            return
        try:
            self._accept(decode_dial(packet))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            self._violation(ProtocolViolation(f"not a broker packet: {problem}"))

    def _accept(self, dial: Dial) -> None:
        if not self._packets.take(time.monotonic()):
            self._violation(ProtocolViolation(f"more than {DIALS_PER_SECOND} dials a second"))
            return
        task = self._loop.create_task(self._serve(dial))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, dial: Dial) -> None:
        resource = f"{dial.host}:{dial.port}"
        try:
            connection = await self._connect(dial)
        except _Answer as refusal:
            granted = refusal.outcome not in ("denied", "limited")
            self._record(Decision(resource, granted, refusal.message, dial.location))
            self._reply(Dialled(dial.id, refusal.outcome, refusal.number, refusal.message))
            return
        self._record(Decision(resource, True, f"connected to {_peer(connection)}", dial.location))
        with connection:
            self._reply(Dialled(dial.id, "connected", 0, ""), connection.fileno())

    async def _connect(self, dial: Dial) -> socket.socket:
        self._judge(dial)
        seconds = min(dial.seconds or MAX_SECONDS, MAX_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                return await self._first_connection(await self._addresses(dial))
        except TimeoutError:
            raise _Answer("timeout", f"no connection within {seconds:g} s") from None

    def _judge(self, dial: Dial) -> None:
        if len(self._open) > MAX_OPEN_DIALS:  # 1
            raise _Answer("limited", f"more than {MAX_OPEN_DIALS} connections are being made at once")
        if canonical_host(dial.host) is None:  # 2
            raise _Answer("denied", f"{dial.host[:100]!r} is not a canonical host name or address")
        if not self._granted(dial.host, dial.port):  # 3
            raise _Answer("denied", f"{dial.host}:{dial.port}")
        if not self._minute.take(time.monotonic()):  # 4
            raise _Answer("limited", f"{self._minute.limit} connections in one minute have been made")

    def _granted(self, host: str, port: int) -> bool:
        return any(grant.allows_host(host, port) for grant in self._grants)

    async def _addresses(self, dial: Dial) -> list[Address]:
        found = await self._resolve(dial)
        allowed = [address for address in found if self._may_reach(dial, str(address[1][0]))]  # 5
        if not allowed:
            listed = ", ".join(str(address[1][0]) for address in found[:3])
            raise _Answer(
                "denied",
                f"{dial.host}:{dial.port} is at {listed}, which is not a public address and not granted itself",
            )
        return allowed

    async def _resolve(self, dial: Dial) -> list[Address]:
        host = canonical_host(dial.host) or Host()
        name = str(host).strip("[]")
        if host.network is not None:  # an address needs no resolver, and no thread to wait for one
            return [_address(host.network.network_address, dial.port)]
        try:
            look_up = partial(socket.getaddrinfo, name, dial.port, type=socket.SOCK_STREAM)
            found = await self._loop.run_in_executor(self._resolvers, look_up)
        except socket.gaierror as problem:
            raise _Answer("unresolved", problem.strerror or "not resolved", problem.errno or 0) from None
        except (OSError, UnicodeError) as problem:
            raise _Answer("unresolved", str(problem), socket.EAI_FAIL) from None
        return [(family, address) for family, _type, _proto, _name, address in found]

    def _may_reach(self, dial: Dial, address: str) -> bool:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if _is_public(ip):
            return True
        is_local_name = str(canonical_host(dial.host)) == "localhost" and ip.is_loopback
        return is_local_name or any(_names_address(grant, str(ip), dial.port) for grant in self._grants)

    async def _first_connection(self, addresses: Sequence[Address]) -> socket.socket:
        problem: OSError = OSError(errno.EHOSTUNREACH, "no address")
        for family, address in addresses:  # 6
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                await self._loop.sock_connect(sock, address)
            except OSError as failed:
                sock.close()
                problem = failed
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise _Answer("failed", os.strerror(problem.errno or errno.EIO), problem.errno or errno.EIO)

    def _reply(self, answer: Dialled, descriptor: int | None = None) -> None:
        packet = encode(msgspec.structs.replace(answer, message=answer.message[:1000]))
        try:
            socket.send_fds(self._sock, [packet], [] if descriptor is None else [descriptor])
        except OSError as problem:
            if self._sock.fileno() >= 0:
                self._violation(ProtocolViolation(f"the worker does not read its broker socket: {problem}"))


def _address(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> Address:
    if ip.version == 6:
        return socket.AF_INET6, (str(ip), port, 0, 0)
    return socket.AF_INET, (str(ip), port)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("::/96", "64:ff9b:1::/48", "fec0::/10", "::ffff:0:0:0/96")))
"""Private or translated locally, and called global by ``ipaddress`` of some versions: RFC 4291, 8215, 3879, 2765."""


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if not ip.is_global or ip.is_multicast or any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    # a gateway or tunnel unwraps these (RFC 6052, 3056): the address inside is the one that is reached
    inside = ip.sixtofour or (ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
    return inside is None or _is_public(inside)


def _names_address(grant: Permission, address: str, port: int) -> bool:
    """Whether a grant names this address or its range, which ``*`` does not."""
    return not grant.pattern.startswith("*") and grant.allows_host(address, port)


def _peer(connection: socket.socket) -> str:
    try:
        return str(connection.getpeername()[0])
    except OSError:
        return "an address"
