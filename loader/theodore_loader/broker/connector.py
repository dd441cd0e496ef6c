"""Makes the connections a plugin may have: judged, resolved once, made to an address that passed.

The rules, in order; the first that fails refuses:

1. the host is one canonical name or address (``permissions.hosts``: IDNA, lower case, no ``127.1``, no ``0x7f``);
2. a granted ``network`` permission covers ``host:port``;
3. the operator's bounds (``limits.py``) have room for one more connection;
4. fewer than ``max_network_requests_per_minute`` connections and fetched requests in the last 60 seconds. A
   connection the plugin was given is counted once, however many requests it carries;
5. the name is resolved once. Only addresses that are public, or granted as addresses, or loopback for the name
   ``localhost`` are kept (``addresses.py``);
6. the connection is made to an address that passed, never to the name again.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial

from theodore_loader.broker.addresses import Address, interleaved, is_of_this_machine, may_be_reached, of_literal
from theodore_loader.broker.connections import Closing, Connections
from theodore_loader.broker.limits import NetworkLimits, NetworkUsage
from theodore_loader.broker.race import connect_at_once, first_connection
from theodore_loader.broker.rate import SlidingMinute
from theodore_loader.permissions import Permission
from theodore_loader.permissions.hosts import Host, canonical_host

MAX_SECONDS = 30.0
MAX_AT_ONCE = 16
"""Connections being made at the same time; more wait their turn, within their deadline."""
MAX_RESOLVING = 4
"""Names looked up at once. The threads are this worker's own: a name server that does not answer must not hold
those of the host, in which everybody's plugins are verified."""
MAX_VERDICTS = 512


class DialRefused(Exception):
    """No connection. ``outcome``, ``number`` (an errno) and ``limit`` are those of ``wire.Dialled``."""

    def __init__(self, outcome: str, message: str, number: int = 0, limit: str = "") -> None:
        self.outcome, self.message, self.number, self.limit = outcome, message, number, limit
        super().__init__(message)

    @property
    def is_refusal(self) -> bool:
        """Whether a rule said no, rather than the network."""
        return self.outcome in ("denied", "limited")


class Connector:
    """One worker's way to the network, on the event loop that created it."""

    def __init__(
        self,
        grants: Sequence[Permission],
        *,
        per_minute: int,
        limits: NetworkLimits,
        closed: Callable[[Closing], None],
    ) -> None:
        self._grants = tuple(grants)
        self._minute = SlidingMinute(per_minute)
        self._verdicts: dict[tuple[str | int, ...], bool] = {}
        self._refused = 0
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)
        self._resolvers = ThreadPoolExecutor(MAX_RESOLVING, "resolve")  # starts no thread before it is needed
        self._loop = asyncio.get_running_loop()
        self.connections = Connections(limits, closed)

    @property
    def usage(self) -> NetworkUsage:
        """What has been used so far."""
        return replace(self.connections.usage, refused=self._refused)

    def set_grants(self, grants: Sequence[Permission]) -> None:
        """Judge by these from now on; connections they do not cover are shut down."""
        self._grants = tuple(grants)
        self._verdicts = {}
        self.connections.shut_down("the permission was withdrawn", lambda host, port: not self._granted(host, port))

    def close(self) -> None:
        """Shut every connection down and abandon what is being resolved."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)
        self.connections.close("the worker has ended")

    def judge(self, host: str, port: int, what: str = "connections") -> None:
        """Apply rules 1 to 4, which need no network; ``what`` is being counted.

        Raises:
            DialRefused: one of them says no.

        """
        try:
            self._judge(host, port, what)
        except DialRefused:
            self._refused += 1
            raise

    def _judge(self, host: str, port: int, what: str) -> None:
        if not self._granted(host, port):
            if canonical_host(host) is None:  # 1
                raise DialRefused("denied", f"{host[:100]!r} is not a canonical host name or address")
            raise DialRefused("denied", f"{host}:{port}")  # 2
        full = self.connections.refusal()  # 3
        if full is not None:
            raise DialRefused("limited", full[1], limit=full[0])
        if not self._minute.take(time.monotonic()):  # 4
            raise DialRefused(
                "limited",
                f"{self._minute.limit} {what} in one minute have been made",
                limit="max_network_requests_per_minute",
            )

    def _granted(self, host: str, port: int) -> bool:
        return self._known(
            (host, port),
            lambda: any(grant.allows_host(host, port) for grant in self._grants),  # 1
        )

    def _may_reach(self, name: str, port: int, address: str) -> bool:
        return self._known((name, port, address), lambda: may_be_reached(name, port, address, self._grants))

    def _known(self, question: tuple[str | int, ...], answer: Callable[[], bool]) -> bool:
        """Return the answer to a question about the grants, which stays the same until they change."""
        known = self._verdicts.get(question)
        if known is None:
            if len(self._verdicts) >= MAX_VERDICTS:
                self._verdicts.clear()
            known = self._verdicts[question] = answer()
        return known

    def connect_at_once(self, host: str, port: int) -> socket.socket | None:
        """Return a connection to a judged host if it is an address of this machine that answers (rules 5 and 6).

        Raises:
            DialRefused: the address may not be reached.

        """
        literal = _on_this_machine(host, port)
        if literal is None or self._turn.locked():
            return None
        try:
            return connect_at_once(*self._allowed(host, port, [literal]))
        except OSError:  # out of descriptors, most likely: the slow way will say
            return None

    async def connect(self, host: str, port: int, seconds: float | None) -> socket.socket:
        """Return a connection to a judged host (rules 5 and 6); it does not block.

        Raises:
            DialRefused: there is none within ``seconds``, or no address of the host may be reached.

        """
        # a worker's number: NaN or less than nothing would upset the event loop's clock
        bound = seconds if seconds is not None and 0 < seconds < MAX_SECONDS else MAX_SECONDS
        try:
            async with asyncio.timeout(bound), self._turn:
                return await first_connection(self._allowed(host, port, await self._resolve(host, port)))
        except TimeoutError:
            raise DialRefused("timeout", f"no connection to {host}:{port} within {bound:g} s") from None
        except OSError as problem:
            number = problem.errno or errno.EIO
            if number in (errno.EPERM, errno.EACCES):  # not the sandbox, and it should not look like it
                number = errno.ENETUNREACH
            raise DialRefused("failed", f"{os.strerror(number)}: {host}:{port}", number) from None

    def _allowed(self, host: str, port: int, found: Sequence[Address]) -> list[Address]:
        name = _name(host)
        allowed = [address for address in found if self._may_reach(name, port, str(address[1][0]))]
        if not allowed:
            self._refused += 1
            listed = ", ".join(str(address[1][0]) for address in found[:3])
            raise DialRefused(
                "denied",
                f"{host}:{port} is at {listed}, which is not a public address and not granted itself:"
                " declare the address, too",
            )
        return interleaved(allowed)

    async def _resolve(self, host: str, port: int) -> list[Address]:
        literal = _literal(host, port)
        if literal is not None:  # an address needs no resolver, and no thread to wait for one
            return [literal]
        try:
            look_up = partial(socket.getaddrinfo, _name(host), port, type=socket.SOCK_STREAM)
            found = await self._loop.run_in_executor(self._resolvers, look_up)
        except socket.gaierror as problem:
            reason = problem.strerror or "not resolved"
            raise DialRefused("unresolved", f"{reason}: {host}", problem.errno or socket.EAI_FAIL) from None
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as problem:
            raise DialRefused("unresolved", f"{problem}: {host}", socket.EAI_FAIL) from None
        return [(family, address) for family, _type, _proto, _name, address in found]


def _canonical(host: str) -> Host:
    return canonical_host(host) or Host()


def _name(host: str) -> str:
    return str(_canonical(host)).strip("[]")


def _literal(host: str, port: int) -> Address | None:
    network = _canonical(host).network
    return None if network is None else of_literal(network.network_address, port)


@lru_cache(maxsize=256)
def _on_this_machine(host: str, port: int) -> Address | None:
    literal = _literal(host, port)
    return literal if literal is not None and is_of_this_machine(literal) else None


def peer(connection: socket.socket) -> str:
    """Return the address a connection was made to."""
    try:
        return str(connection.getpeername()[0])
    except OSError:
        return "an address"
