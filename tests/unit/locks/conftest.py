"""A package index on loopback (PEP 503, 658, 691, 700) that serves what a test publishes, and can lie about it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from theodore_plugin.packaging.normalise import write_wheel

EPOCH = 1_700_000_000
OLD = "2024-01-01T00:00:00.000000Z"
Answer = Callable[[BaseHTTPRequestHandler], None]

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-hello"
version = "1.2.0"
requires-python = "{python}"
dependencies = {dependencies}
"""


def wheel(name: str, version: str, requires: tuple[str, ...] = (), tag: str = "py3-none-any") -> tuple[str, bytes, str]:
    """Return file name, bytes and METADATA of a wheel."""
    dist_info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    entries = {
        f"{name.replace('-', '_')}/__init__.py": f"VERSION = {version!r}\n".encode(),
        f"{dist_info}/METADATA": metadata.encode(),
        f"{dist_info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    data = write_wheel(entries, dist_info, epoch=EPOCH)
    return f"{name.replace('-', '_')}-{version}-{tag}.whl", data, metadata


@dataclass
class Index:
    """The index: ``files`` by project, ``answers`` that replace the usual one for a path, and what was ``asked``."""

    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple/"

    def publish(
        self,
        name: str,
        version: str = "1.0",
        *requires: str,
        tag: str = "py3-none-any",
        at: str | None = OLD,
        **more: Any,
    ) -> str:
        """Add a wheel, uploaded ``at``; ``more`` are further or other keys of its entry. Return its SHA-256."""
        filename, data, metadata = wheel(name, version, requires, tag)
        digest = hashlib.sha256(data).hexdigest()
        self.contents[f"/files/{filename}"] = data
        self.contents[f"/files/{filename}.metadata"] = metadata.encode()
        entry = {
            "filename": filename,
            "url": f"/files/{filename}",
            "hashes": {"sha256": digest},
            "core-metadata": {"sha256": hashlib.sha256(metadata.encode()).hexdigest()},
            "size": len(data),
            "upload-time": at,
            **more,
        }
        self.files.setdefault(name, []).append({key: value for key, value in entry.items() if value is not None})
        return digest

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path = handler.path.partition("?")[0]
        self.asked.append((path, dict(handler.headers)))
        if path in self.answers:
            self.answers[path](handler)
            return
        name = path.removeprefix("/simple/").strip("/")
        if path.startswith("/simple/") and name in self.files:
            document = {"meta": {"api-version": "1.1"}, "name": name, "files": self.files[name]}
            reply(handler, json.dumps(document).encode(), kind="application/vnd.pypi.simple.v1+json")
        elif path in self.contents:
            reply(handler, self.contents[path])
        else:
            reply(handler, b"", status=404)


def reply(
    handler: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, kind: str = "application/octet-stream"
) -> None:
    """Send one whole answer."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _serve(index: Index) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                index.respond(self)
            except (BrokenPipeError, ConnectionResetError):  # whoever asked has heard enough
                self.close_connection = True

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    index.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@pytest.fixture
def indexes() -> Iterator[Callable[[], Index]]:
    """Start any number of indexes."""
    servers = []

    def start() -> Index:
        index = Index()
        servers.append(_serve(index))
        return index

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def index(indexes, only_index) -> Index:
    """An index that is all pip is configured for."""
    index = indexes()
    only_index(index.url)
    return index


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Path:
    """One state folder for all tests: the resolver asks the interpreter who it is once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def only_index(monkeypatch, home) -> Callable[..., None]:
    """Configure pip for one index and nothing of this machine's; keep the resolver's cache to the test."""

    def configure(url: str, **settings: str) -> None:
        import os

        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return configure


@pytest.fixture
def project_dir(tmp_path) -> Callable[..., Path]:
    """Write a project that requires ``dependencies``; ``more`` is appended to its pyproject."""

    def make(*dependencies: str, python: str = ">=3.11", more: str = "", name: str = "project") -> Path:
        root = tmp_path / name
        (root / "src/acme_hello").mkdir(parents=True, exist_ok=True)
        (root / "src/acme_hello/__init__.py").write_text("GREETING = 'hello'\n")
        text = PYPROJECT.format(python=python, dependencies=json.dumps(dependencies))
        (root / "pyproject.toml").write_text(text + more)
        return root

    return make


@pytest.fixture
def answer() -> Callable[..., None]:
    """:func:`reply`, for tests that make an index answer otherwise."""
    return reply
