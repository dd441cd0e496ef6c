"""The loopback HTTP shell around :mod:`service`: open only while a signature is being made.

Any process of this machine can connect. Until a certificate was issued here, which takes the token, bodies are read up
to what asking for one takes. From then on one may be as large as the largest list of revocations, and all together are
bounded. A request has to be there, whole, within seconds of its first byte being waited for.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from theodore_loader.errors import LoaderError
from theodore_plugin.signing.local.service import RejectedError, Service, stated_token

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LOOPBACK = "127.0.0.1"
MAX_UNKNOWN = 256 << 10
"""Largest body before a certificate was issued, in bytes. sigstore's clients send 2 KiB to get one."""
MAX_BODY = 64 << 20
"""Largest body afterwards, and all bodies of one moment together: a list of revocations in base64."""
REQUEST_SECONDS = 30.0
"""How long a whole request may take, from the first moment of waiting for it."""
_CHUNK = 1 << 16
_MAX_PROBLEMS = 64
_TIMESTAMP = "application/timestamp-reply"
_ENTRIES = ("/api/v1/log/entries", "/api/v2/log/entries")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service answers. ``problems`` collects why it did not: clients drop a Fulcio's reasons."""

    url: str
    problems: list[Exception] = field(default_factory=list)


@contextmanager
def serving(service: Service) -> Iterator[Endpoint]:
    """Serve ``service`` on a free loopback port; closes the port on exit."""
    with service.rekor.log.held(), _Server(service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.endpoint
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: Service) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.service = service
        self.certified = False
        self.room = _Room(MAX_BODY)
        self.host = f"{LOOPBACK}:{self.server_address[1]}"
        self.endpoint = Endpoint(f"http://{self.host}")

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that hung up is its own problem, and signing reports what it could not do."""


class _Room:
    """How many bytes of bodies may be held at once, over all connections."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._guard = threading.Lock()

    def take(self, size: int) -> None:
        """Take ``size`` bytes; raises RejectedError where there are not as many."""
        with self._guard:
            if size > self._free:
                raise RejectedError(503, "too many large requests at once")
            self._free -= size

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        with self._guard:
            self._free += size


class _Punctual(RawIOBase):
    """What a client sends, until a moment: a timeout of the socket's own begins anew with every byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = 0.0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there, or wait for it; raises TimeoutError when the moment has come."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request was not there in time")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # without it every answer waits for the client's delayed acknowledgement, ten times the cost of a signature
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Read through a clock."""
        super().setup()
        self.rfile.close()
        self._punctual = _Punctual(self.connection)
        self.rfile = BufferedReader(self._punctual, _CHUNK)

    def handle_one_request(self) -> None:
        """Give the next request its time, whole, and its answer as much."""
        self._punctual.until = time.monotonic() + REQUEST_SECONDS
        super().handle_one_request()

    def do_POST(self) -> None:
        """Answer one of the endpoints that write, or say why not."""
        self._respond(201, self._written)

    def do_GET(self) -> None:
        """Answer one of the endpoints that read, or say why not."""
        self._respond(200, self._read)

    def _respond(self, status: int, answer: Callable[[], dict[str, Any] | bytes]) -> None:
        try:
            # A page in a browser can reach loopback under a name of its own (DNS rebinding); only our address counts.
            if self.headers.get("Host") != self.server.host:
                raise RejectedError(421, "this port answers to its own address only")
            self._send(status, answer())
        except (RejectedError, LoaderError, OSError) as problem:
            if len(self.server.endpoint.problems) < _MAX_PROBLEMS:
                self.server.endpoint.problems.append(problem)
            self.close_connection = True
            status = problem.status if isinstance(problem, RejectedError) else 500
            self._send(status, {"code": status, "message": str(problem)})

    def _written(self) -> dict[str, Any] | bytes:
        body = bytearray()
        try:
            for size in _pieces(self._size()):
                piece = self.rfile.read(size)
                self.server.room.take(len(piece))
                body += piece
            return self._answered(bytes(body))
        finally:
            self.server.room.give_back(len(body))

    def _answered(self, body: bytes) -> dict[str, Any] | bytes:
        service = self.server.service
        if self.path == "/api/v2/signingCert":
            certificate = service.signing_certificate(self._bearer(body), body)
            self.server.certified = True
            return certificate
        answers: dict[str, Callable[[bytes], dict[str, Any] | bytes]] = {
            _ENTRIES[0]: service.log_entry,
            _ENTRIES[1]: service.log_entry_v2,
            "/api/v1/timestamp": service.timestamp,
        }
        if self.path not in answers:
            raise RejectedError(404, "no such endpoint")
        return answers[self.path](body)

    def _read(self) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        if path == "/api/v1/log":
            return self.server.service.tree_head()
        if path == "/api/v1/log/proof":
            return self.server.service.consistency(*_sizes(query))
        raise RejectedError(404, "no such endpoint")

    def _size(self) -> int:
        """Return how long the body is going to be; raises RejectedError."""
        length = self.headers.get("Content-Length", "")
        largest = MAX_BODY if self.server.certified and self.path in _ENTRIES else MAX_UNKNOWN
        if not length.isascii() or not length.isdigit() or len(length) > 12 or int(length) > largest:
            more = "" if self.server.certified else "; entries may be larger once a certificate was issued"
            raise RejectedError(413, f"a body of known length up to {largest:,} bytes is read{more}")
        return int(length)

    def _bearer(self, body: bytes) -> str:
        if "Authorization" not in self.headers and (stated := stated_token(body)):
            return stated
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token.isascii():
            raise RejectedError(401, "a bearer token is required")
        return token

    def _send(self, status: int, answer: dict[str, Any] | bytes) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.connection.settimeout(REQUEST_SECONDS)
        self.send_response(status)
        self.send_header("Content-Type", _TIMESTAMP if isinstance(answer, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of the base class
        """Write nothing: tokens pass through here."""


def _pieces(size: int) -> Iterator[int]:
    """Yield the sizes to read ``size`` bytes in: room is taken for what arrives, not for what is announced."""
    yield from (min(_CHUNK, size - start) for start in range(0, size, _CHUNK))


def _sizes(query: str) -> tuple[int, int]:
    """Return the two tree sizes of a request for a consistency proof; raises RejectedError."""
    given = parse_qs(query)
    try:
        (first,), (last,) = given.get("firstSize", ["1"]), given["lastSize"]
        return int(first), int(last)
    except (KeyError, ValueError):
        raise RejectedError(400, "firstSize and lastSize are sizes of the tree") from None
