"""The part of the OSV query API that auditors use, on loopback, over a snapshot.

``POST /v1/query`` with ``{"package": {"name", "ecosystem"}, "version"}`` answers ``{"vulns": [...]}`` or ``{}``
(https://google.github.io/osv.dev/post-v1-query/). The port is picked by the kernel; the server lives as long
as the ``with`` block.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from theodore_plugin.advisories.snapshot import Snapshot

MAX_QUERY_BYTES = 64 * 1024


@contextmanager
def serve(snapshot: Snapshot) -> Iterator[str]:
    """Serve ``snapshot`` on loopback and yield the URL to give to ``pip-audit --osv-url``."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.snapshot = snapshot
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    snapshot: Snapshot


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_POST(self) -> None:
        """Answer one query."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/v1/query" or not length.isdigit() or int(length) > MAX_QUERY_BYTES:
            self._answer(400, {"code": 3, "message": "only POST /v1/query with a short body"})
            return
        query = _query(self.rfile.read(int(length)))
        if query is None:
            self._answer(400, {"code": 3, "message": "give package.name, package.ecosystem PyPI and version"})
            return
        found = self.server.snapshot.affecting(*query)
        self._answer(200, {"vulns": found} if found else {})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the report says what was asked and answered."""


def _query(body: bytes) -> tuple[str, str] | None:
    try:
        query = json.loads(body)
        package, version = query["package"], query["version"]
        name, ecosystem = package["name"], package["ecosystem"]
    except (ValueError, KeyError, TypeError):
        return None
    if ecosystem != "PyPI" or not isinstance(name, str) or not isinstance(version, str):
        return None
    return name, version
