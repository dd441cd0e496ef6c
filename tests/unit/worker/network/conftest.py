"""Servers on loopback, an authority that vouches for them, and the libraries a plugin would be locked to."""

from __future__ import annotations

import json
import shutil
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT_LIBRARIES = (
    *("httpx", "httpcore", "h11", "anyio", "sniffio", "certifi", "idna", "requests", "urllib3", "charset_normalizer"),
    *("aiohttp", "aiosignal", "aiohappyeyeballs", "attr", "attrs", "frozenlist", "multidict", "yarl", "propcache"),
    "typing_extensions.py",
)


@dataclass
class Served:
    """A running server and what reached it."""

    port: int
    scheme: str
    connections: list[tuple[str, int]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


class _Page(BaseHTTPRequestHandler):
    """``/echo`` tells the request; ``/to``, ``/large``, ``/chunks``, ``/slow`` and ``/raw`` do as they are told."""

    protocol_version = "HTTP/1.1"
    served: Served

    def setup(self) -> None:
        super().setup()
        self.served.connections.append(self.client_address)

    def do_GET(self) -> None:
        self.served.requests.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        act = getattr(self, "on_" + parts.path.strip("/").replace("-", "_"), None)
        if act is None:
            self.answer(f"page {self.path}".encode())
        else:
            act(query)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_GET  # noqa: N815

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_echo(self, _query: dict[str, str]) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body}
        self.answer(json.dumps(told).encode(), Content_Type="application/json", Set_Cookie="a=1")

    def on_to(self, query: dict[str, str]) -> None:
        self.answer(b"", int(query.get("status", 302)), Location=query["url"])

    def on_large(self, query: dict[str, str]) -> None:
        self.answer(b"x" * int(query["bytes"]))

    def on_chunks(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(int(query["count"])):
            chunk = f"chunk {number}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def on_slow(self, query: dict[str, str]) -> None:
        time.sleep(float(query["seconds"]))
        self.answer(b"slow")

    def on_raw(self, query: dict[str, str]) -> None:
        self.wfile.write(query["answer"].encode("latin-1"))
        self.close_connection = True

    def on_bye(self, _query: dict[str, str]) -> None:
        """Answer as if the connection would be kept, and close it."""
        self.answer(b"bye")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    tls: ssl.SSLContext | None = None

    def finish_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        if self.tls is not None:  # on the connection's own thread: a client that says nothing delays nobody
            request.settimeout(30)
            request = self.tls.wrap_socket(request, server_side=True)
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()

    def handle_error(self, *_: object) -> None:
        pass


def _serve(tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    page = type("Page", (_Page,), {})
    with _Server(("127.0.0.1", 0), page) as server:
        server.tls = tls
        served = page.served = Served(server.server_address[1], "http" if tls is None else "https")  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def plain() -> Iterator[Served]:
    """An HTTP server."""
    yield from _serve()


@pytest.fixture
def secure(authority: Path) -> Iterator[Served]:
    """An HTTPS server for ``localhost`` whose certificate only the test's authority vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("server.pem"))
    yield from _serve(context)


@pytest.fixture
def port(plain: Served) -> int:
    """The port of an HTTP server on loopback."""
    return plain.port


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of an authority, with the certificate and key of ``localhost`` in ``server.pem`` beside it."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "authority.pem").write_text(_certificates(folder))
    return folder / "authority.pem"


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client libraries, without their machine code, and nothing else of this environment."""
    return _copied(tmp_path_factory.mktemp("environment"), CLIENT_LIBRARIES, "*.so")


@pytest.fixture(scope="session")
def native_libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as they are installed, and those that parse pages."""
    names = (*CLIENT_LIBRARIES, "bs4", "lxml", "soupsieve")
    return _copied(tmp_path_factory.mktemp("native"), names)


def _copied(folder: Path, names: tuple[str, ...], *left_out: str) -> Path:
    site = Path(pytest.__file__).parents[1]
    ignore = shutil.ignore_patterns("__pycache__", "tests", "includes", *left_out)
    for name in names:
        if (site / name).is_dir():
            shutil.copytree(site / name, folder / name, ignore=ignore)
        elif (site / name).exists():
            shutil.copy(site / name, folder)
    return folder


def _certificates(folder: Path) -> str:
    """Write ``server.pem``; return the authority's certificate as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test's authority")])
    now = datetime.now(UTC)

    def sign(subject: x509.Name, public: ec.EllipticCurvePublicKey, *extensions: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(issuer_name=name, subject_name=subject, public_key=public)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    server_key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    server = sign(x509.Name([]), server_key.public_key(), names)
    private = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + server)
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), False)
    usage |= dict.fromkeys(("key_agreement", "encipher_only", "decipher_only"), False)
    may_sign = x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True)  # from Python 3.13 on, clients insist
    return sign(name, key.public_key(), x509.BasicConstraints(ca=True, path_length=None), may_sign).decode()
