"""The loopback HTTP shell around :mod:`service`: open only while a signature is being made."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from theodore_loader.errors import LoaderError
from theodore_plugin.signing.local.service import RejectedError, Service, stated_token

LOOPBACK = "127.0.0.1"
_MAX_BODY = 64 << 20
_IDLE_SECONDS = 10
_TIMESTAMP = "application/timestamp-reply"


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
        self.host = f"{LOOPBACK}:{self.server_address[1]}"
        self.endpoint = Endpoint(f"http://{self.host}")

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a client that hung up is its own problem, and signing reports what it could not do."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    # without it every answer waits for the client's delayed acknowledgement, ten times the cost of a signature
    disable_nagle_algorithm = True

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
            self.server.endpoint.problems.append(problem)
            self.close_connection = True
            status = problem.status if isinstance(problem, RejectedError) else 500
            self._send(status, {"code": status, "message": str(problem)})

    def _written(self) -> dict[str, Any] | bytes:
        body, service = self._body(), self.server.service
        if self.path == "/api/v2/signingCert":
            return service.signing_certificate(self._bearer(body), body)
        answers: dict[str, Callable[[bytes], dict[str, Any] | bytes]] = {
            "/api/v1/log/entries": service.log_entry,
            "/api/v2/log/entries": service.log_entry_v2,
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

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > _MAX_BODY:
            raise RejectedError(413, f"a body of known length up to {_MAX_BODY} bytes is expected")
        return self.rfile.read(int(length))

    def _bearer(self, body: bytes) -> str:
        if "Authorization" not in self.headers and (stated := stated_token(body)):
            return stated
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token.isascii():
            raise RejectedError(401, "a bearer token is required")
        return token

    def _send(self, status: int, answer: dict[str, Any] | bytes) -> None:
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", _TIMESTAMP if isinstance(answer, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of the base class
        """Write nothing: tokens pass through here."""


def _sizes(query: str) -> tuple[int, int]:
    """Return the two tree sizes of a request for a consistency proof; raises RejectedError."""
    given = parse_qs(query)
    try:
        (first,), (last,) = given.get("firstSize", ["1"]), given["lastSize"]
        return int(first), int(last)
    except (KeyError, ValueError):
        raise RejectedError(400, "firstSize and lastSize are sizes of the tree") from None
