"""The HTTP server of the service: accepts, counts and ends connections; answers are made on a few threads.

Connections are counted before anything is read from them, in all and for each address, so that half-open ones cannot
take every place. On SIGTERM nothing new is accepted, whoever is being answered is answered, and the threads finish:
an entry that was promised is on the disk, because the log commits before it answers.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from theodore_plugin.signing.service.connection import Connection, Memory
from theodore_plugin.signing.service.journal import Journal
from theodore_plugin.signing.service.messages import Request, Response
from theodore_plugin.signing.service.rates import is_among, network_of
from theodore_plugin.signing.service.service_table import Limits, Network

BACKLOG = 256
GRACE_SECONDS = 20.0
"""How long a shutdown waits for answers under way."""
MAX_HELD = 64 << 20
"""Bytes of request bodies held at once; whoever comes then is asked to try again."""
_SHUTDOWN_SECONDS = 2.0
"""How long a client has to say good-bye in TLS."""
_PAUSE_SECONDS = 0.1

Handler = Callable[[Request], Response]


@dataclass(slots=True)
class Server:
    """Serves ``handler`` on ``listener``, which is bound and not yet listening."""

    listener: socket.socket
    handler: Handler
    limits: Limits
    journal: Journal
    threads: int
    tls: ssl.SSLContext | None = None
    proxies: tuple[Network, ...] = ()
    memory: Memory = field(default_factory=lambda: Memory(MAX_HELD))
    _live: dict[asyncio.Task[None], Connection | None] = field(default_factory=dict)
    _addresses: Counter[str] = field(default_factory=Counter)
    _losses: Counter[str] = field(default_factory=Counter)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGTERM or SIGINT; ``ready`` is called when connections are accepted."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await self.serve_until(stop, ready)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def serve_until(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop`` is set, then let answers under way finish."""
        self.listener.setblocking(False)
        self.listener.listen(BACKLOG)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="instance") as pool:
            accepting = asyncio.create_task(self._accept(pool))
            stopping = asyncio.create_task(stop.wait())
            ready()
            await asyncio.wait({accepting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (accepting, stopping):
                task.cancel()
            ended, _ = await asyncio.gather(accepting, stopping, return_exceptions=True)
            self.listener.close()
            await self._finish()
        if isinstance(ended, Exception):
            raise ended  # accepting never ends by itself: what it raised is why the service stops

    async def _accept(self, pool: ThreadPoolExecutor) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, peer = await loop.sock_accept(self.listener)
            except OSError as error:  # out of descriptors, or the client is gone again
                self._lost("", f"not accepted: {error}")
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            address = str(peer[0])
            key = network_of(address)
            if len(self._live) >= self.limits.connections or self._addresses[key] >= self._share_of(address):
                connected.close()
                self._lost(address, "too many connections")
                continue
            self._addresses[key] += 1
            task = asyncio.create_task(self._connection(connected, address, pool))
            self._live[task] = None
            task.add_done_callback(partial(self._gone, key))

    def _share_of(self, address: str) -> int:
        # through a proxy come many
        return self.limits.connections if is_among(address, self.proxies) else self.limits.connections_per_address

    def _lost(self, address: str, reason: str) -> None:
        """Note a connection that ended without an answer: the 1st, 2nd, 4th, … for a reason, for a flood is long."""
        self._losses[reason] += 1
        count = self._losses[reason]
        if count & (count - 1) == 0:
            self._note("connection-lost", address=address, reason=reason, count=count)

    def _gone(self, key: str, task: asyncio.Task[None]) -> None:
        del self._live[task]
        self._addresses[key] -= 1
        if not self._addresses[key]:
            del self._addresses[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._note("failed", reason=f"{type(error).__name__}: {error}")

    async def _connection(self, connected: socket.socket, address: str, pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        limit = self.limits.request_seconds
        timeouts = {"ssl_handshake_timeout": limit, "ssl_shutdown_timeout": _SHUTDOWN_SECONDS} if self.tls else {}
        try:
            # without it an answer waits for the client's delayed acknowledgement
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connected, ssl=self.tls, **timeouts)
        except OSError:  # an SSLError is one, too
            connected.close()
            self._lost(address, "no TLS handshake")
            return

        async def handle(request: Request) -> Response:
            return await loop.run_in_executor(pool, self.handler, request)

        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        lost = partial(self._lost, address)
        connection = Connection(reader, writer, address, handle, lost, limit, self.limits.body_bytes, self.memory)
        task = asyncio.current_task()
        if task is not None:
            self._live[task] = connection
        await connection.serve()

    async def _finish(self) -> None:
        """End what waits for a request, and wait for what is being answered."""
        for task, connection in list(self._live.items()):
            if connection is None or not connection.busy:
                task.cancel()
            else:
                connection.closing = True
        if self._live:
            _, late = await asyncio.wait(list(self._live), timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()

    def _note(self, event: str, **values: object) -> None:
        # where nobody reads the log, certificates are refused for it; connections are not
        with suppress(OSError):
            self.journal.write(event, **values)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to ``host`` and ``port`` (0 chooses one); raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound
