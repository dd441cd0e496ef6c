"""The part of the OSV query API that auditors use, on loopback, straight from the database.

``POST /v1/query`` with ``{"package": {"name", "ecosystem"}, "version"}`` answers ``{"vulns": [...]}`` or ``{}``
(https://google.github.io/osv.dev/post-v1-query/). The port is picked by the kernel; the server lives as long
as the ``with`` block.

An answer holds what an auditor reads and nothing more: one entry for the package, under the name it asked for,
with the fixed versions of all ranges. What auditors are known to stumble over (versions that are not PEP 440,
several entries for one package) never reaches them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from theodore_plugin.advisories.database import Advisory, Database

MAX_QUERY_BYTES = 64 * 1024
HOST = "127.0.0.1"


@contextmanager
def serve(database: Database) -> Iterator[int]:
    """Serve ``database`` on loopback and yield the port."""
    server = _Server((HOST, 0), _Handler)
    server.database = database
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def url(port: int) -> str:
    """Return what to give to ``pip-audit --osv-url``."""
    return f"http://{HOST}:{port}/v1/query"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    database: Database

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that go away: what was not answered is missing from the audit, and said there."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"  # one connection for all questions
    disable_nagle_algorithm = True
    timeout = 10

    def do_POST(self) -> None:
        """Answer one query."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/v1/query" or not (length.isascii() and length.isdigit()) or int(length) > MAX_QUERY_BYTES:
            self.close_connection = True  # the body was not read
            self._answer(400, _refusal("only POST /v1/query with a short body"))
            return
        query = _query(self.rfile.read(int(length)))
        if query is None:
            self._answer(400, _refusal("give package.name, package.ecosystem PyPI and version"))
            return
        try:
            self._answer(200, _answers(self.server.database, *query))
        except (sqlite3.Error, ValueError, KeyError, TypeError) as problem:
            self._answer(500, {"code": 13, "message": f"the database cannot be read: {problem}"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the report says what was asked and answered."""


def _answers(database: Database, name: str, version: str) -> dict[str, Any]:
    found = database.affecting(name, version)
    return {"vulns": [_as_osv(advisory, name) for advisory in found]} if found else {}


def _as_osv(advisory: Advisory, name: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, *({"fixed": text} for text in advisory.fixed)]}]
    return {
        "id": advisory.id,
        "aliases": list(advisory.aliases),
        "summary": advisory.summary,
        "affected": [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}],
    }


def _refusal(message: str) -> dict[str, Any]:
    return {"code": 3, "message": message}


def _query(body: bytes) -> tuple[str, str] | None:
    try:
        query = json.loads(body)
        package, version = query["package"], query["version"]
        name, ecosystem = package["name"], package["ecosystem"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if ecosystem != "PyPI" or not isinstance(name, str) or not isinstance(version, str):
        return None
    return name, version
