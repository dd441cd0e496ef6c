"""The host's end of the broker: answers a worker's requests for connections, handing over the descriptors.

A request is a well-formed packet (``wire.py``) from a worker with few dials open; then the rules of ``connector.py``
decide. Every decision is one record of the access log, made before the worker has the connection, and the end of a
connection is another, with what it carried. TLS is the plugin's: bytes are counted and not looked at.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from theodore_loader.broker.connections import Closing
from theodore_loader.broker.connector import Connector, DialRefused, peer
from theodore_loader.broker.decision import Decision
from theodore_loader.broker.http import HttpService
from theodore_loader.broker.limits import NetworkLimits, NetworkUsage
from theodore_loader.broker.rate import TokenBucket
from theodore_loader.broker.wire import MAX_PACKET, Abandon, Dial, Dialled, decode_request, encode
from theodore_loader.errors import ProtocolViolation
from theodore_loader.permissions import Permission

__all__ = ["Broker", "Decision"]

MAX_WAITING = 256
"""Dials a worker may have open, those that wait their turn included."""
DIALS_PER_SECOND = 500
BURST = 2000
PAUSE_SECONDS = 0.02
"""How long a worker that asks faster is not listened to: only it waits."""
REFUSALS_PER_SECOND = 50
"""Dials that come to nothing; a worker that makes more of them waits. Nobody honest has many, and each is a record."""


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
        limits: NetworkLimits | None = None,
        authorities: Path | None = None,
    ) -> None:
        self._sock = sock
        self._packets = TokenBucket(DIALS_PER_SECOND, BURST)
        self._refusals = TokenBucket(REFUSALS_PER_SECOND, 2 * REFUSALS_PER_SECOND)
        self._record = record
        self._violation = violation
        self._open: dict[int, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self.connector = Connector(
            grants, per_minute=per_minute, limits=limits or NetworkLimits(), closed=self._connection_closed
        )
        self.http = HttpService(self.connector, record, authorities)
        sock.setblocking(False)
        self._listen()

    def usage(self) -> NetworkUsage:
        """Return what the worker has used so far, open connections as of half a second ago."""
        return self.connector.usage

    def set_grants(self, grants: Sequence[Permission]) -> None:
        """Judge by these from now on; connections they do not cover are shut down."""
        self.connector.set_grants(grants)

    def close(self) -> None:
        """Stop serving: dials under way are abandoned, connections are shut down."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
        for task in self._open.values():
            task.cancel()
        self.http.close()
        self.connector.close()

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
            if not self._packets.take(time.monotonic()):
                self._pause()
            self._accept(decode_request(packet))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            self._violation(ProtocolViolation(f"not a broker packet: {problem}"))

    def _pause(self) -> None:
        self._loop.remove_reader(self._sock.fileno())
        self._loop.call_later(PAUSE_SECONDS, self._listen)

    def _listen(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock.fileno(), self._readable)

    def _accept(self, request: Dial | Abandon) -> None:
        if isinstance(request, Abandon):
            task = self._open.get(request.id)
            if task is not None:
                task.cancel()
        elif request.id in self._open:
            self._violation(ProtocolViolation(f"dial {request.id} is under way already"))
        else:
            self._begin(request)

    def _begin(self, dial: Dial) -> None:
        """Judge, and answer in this very moment where there is nothing to wait for: a task costs as much as a dial."""
        try:
            if len(self._open) >= MAX_WAITING:
                raise DialRefused("limited", f"{MAX_WAITING} connections are being made", limit="connections")
            self.connector.judge(dial.host, dial.port)
            connection = self.connector.connect_at_once(dial.host, dial.port)
        except DialRefused as problem:
            self._refuse(dial, problem)
        else:
            if connection is not None:
                self._hand_over(dial, connection)
                return
            task = self._open[dial.id] = self._loop.create_task(self._serve(dial))
            task.add_done_callback(lambda _: self._open.pop(dial.id, None))

    async def _serve(self, dial: Dial) -> None:
        try:
            connection = await self.connector.connect(dial.host, dial.port, dial.seconds)
        except DialRefused as problem:
            self._refuse(dial, problem)
        except Exception as problem:  # whatever a resolver came up with: somebody waits for an answer
            self._refuse(dial, DialRefused("failed", f"{type(problem).__name__}: {problem}", errno.EIO))
        else:
            self._hand_over(dial, connection)

    def _refuse(self, dial: Dial, problem: DialRefused) -> None:
        if not self._refusals.take(time.monotonic()):
            self._pause()
        self._record(Decision(f"{dial.host}:{dial.port}", not problem.is_refusal, problem.message, dial.location))
        self._reply(Dialled(dial.id, problem.outcome, problem.number, problem.message[:1000], problem.limit))

    def _hand_over(self, dial: Dial, connection: socket.socket) -> None:
        self._record(Decision(f"{dial.host}:{dial.port}", True, f"connected to {peer(connection)}", dial.location))
        try:
            self._reply(Dialled(dial.id, "connected", 0, ""), connection.fileno())
        finally:
            if self._sock.fileno() < 0:  # the record could not be written, or the worker does not read
                connection.close()
            else:
                self.connector.connections.add(connection, dial.host, dial.port, dial.location)

    def _connection_closed(self, closing: Closing) -> None:
        self._record(
            Decision(
                f"{closing.host}:{closing.port}",
                True,
                closing.reason,
                closing.location,
                "network:end",
                {
                    "bytes_in": closing.bytes_in,
                    "bytes_out": closing.bytes_out,
                    "seconds": round(closing.seconds, 3),
                },
            )
        )

    def _reply(self, answer: Dialled, descriptor: int | None = None) -> None:
        packet = encode(answer)
        try:
            socket.send_fds(self._sock, [packet], [] if descriptor is None else [descriptor])
        except OSError as problem:
            if self._sock.fileno() >= 0:
                self._violation(ProtocolViolation(f"the worker does not read its broker socket: {problem}"))
