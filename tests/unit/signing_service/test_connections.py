"""Clients that drag, flood or speak something else: they lose their connection, and nobody else notices."""

from __future__ import annotations

import asyncio
import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from team_service import ISSUER_KEYS, Team, csr, serving_team

from theodore_plugin.signing.service.connection import Memory
from theodore_plugin.signing.service.journal import Journal
from theodore_plugin.signing.service.messages import Request, Response
from theodore_plugin.signing.service.server import Handler, Server, bind
from theodore_plugin.signing.service.service_table import Limits

if TYPE_CHECKING:
    from oidc_provider import Provider

LIMITS = {
    "requests_per_minute": 100_000,
    "request_seconds": 1,
    "connections": 12,
    "connections_per_address": 10,
    "body_bytes": 1 << 14,
}
WAIT = 20.0


@pytest.fixture(scope="module")
def hurried(shared_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    issuer = {"issuer": shared_provider.url, **ISSUER_KEYS}
    with serving_team(tmp_path_factory.mktemp("hurried") / "home", issuer, LIMITS) as running:
        yield running


@contextmanager
def connected(team: Team) -> Iterator[socket.socket]:
    host, port = team.url.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as client:
        yield client


def rest(client: socket.socket) -> bytes:
    """Read until the service ends the connection; a reset is an end, too."""
    data = b""
    try:
        while chunk := client.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def head(team: Team, *lines: str, start: str = "POST /api/v1/log/entries HTTP/1.1") -> bytes:
    return "\r\n".join([start, f"Host: {team.url.split('//')[1]}", *lines, "", ""]).encode("latin-1")


def test_half_open_connections_are_ended_and_leave_room_for_others(hurried: Team) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(connected(hurried)) for _ in range(10)]
        for client in silent:
            assert rest(client) == b""
        assert hurried.get("/healthz")[0] == 200


def test_a_request_that_drips_is_ended_in_the_middle(hurried: Team) -> None:
    begun = time.monotonic()
    with connected(hurried) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            for byte in head(hurried, "X-Slow: " + "x" * 1000):
                client.send(bytes([byte]))
                time.sleep(0.02)
        assert b"200" not in rest(client)
    assert time.monotonic() - begun < WAIT


def test_a_body_that_never_comes_is_not_waited_for(hurried: Team) -> None:
    with connected(hurried) as client:
        client.sendall(head(hurried, "Content-Length: 1000") + b"half")
        assert rest(client) == b""
    assert "too slow" in {line.get("reason") for line in hurried.journal}


def ask_for_ever(client: socket.socket, request: bytes) -> None:
    while True:
        client.sendall(request)


def test_a_client_that_does_not_read_its_answer_is_left(hurried: Team) -> None:
    with connected(hurried) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = head(hurried, start="GET /trust-config.json HTTP/1.1")
        with pytest.raises((BrokenPipeError, ConnectionResetError, TimeoutError)):
            ask_for_ever(client, request * 1000)
    assert hurried.get("/healthz")[0] == 200


def test_a_proxy_may_have_every_connection(provider: Provider, tmp_path: Path) -> None:
    issuer, limits = {"issuer": provider.url, **ISSUER_KEYS}, {**LIMITS, "connections_per_address": 1}
    with (
        serving_team(tmp_path / "home", issuer, limits, {"trusted_proxies": ["127.0.0.1"]}) as running,
        ExitStack() as stack,
    ):
        clients = [stack.enter_context(connected(running)) for _ in range(5)]
        for client in clients:
            client.sendall(head(running, "Connection: close", start="GET /healthz HTTP/1.1"))
            assert rest(client).startswith(b"HTTP/1.1 200")


def test_a_flood_of_connections_is_turned_away_and_passes(hurried: Team) -> None:
    with ExitStack() as stack:
        flood = [stack.enter_context(connected(hurried)) for _ in range(60)]
        refused = [client for client in flood[10:] if not client.recv(1)]
        assert len(refused) == 50
    deadline = time.monotonic() + WAIT
    while True:
        try:
            assert hurried.get("/healthz")[0] == 200
            break
        except (ConnectionError, http.client.HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    lost = [line for line in hurried.journal if line["event"] == "connection-lost"]
    assert [line["count"] for line in lost if line["reason"] == "too many connections"][:3] == [1, 2, 4]


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (("Content-Length: 99999999999",), b"", b"413"),
        (("Content-Length: 20000",), b"x" * 20000, b"413"),
        (("Transfer-Encoding: chunked",), b"4000\r\n" + b"x" * 0x4000 + b"\r\n1\r\nx\r\n0\r\n\r\n", b"413"),
        (("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n", b"400"),
        (("Content-Length: 5", "Content-Length: 6"), b"hello", b"400"),
        (("Content-Length: -5",), b"", b"400"),
        (("Content-Length: 0x5",), b"hello", b"400"),
        (("Transfer-Encoding: xchunked",), b"0\r\n\r\n", b"501"),
        (("Transfer-Encoding: chunked",), b"-1\r\n", b"400"),
        (("X-Long: " + "x" * 20000,), b"", b"431"),
        (("Bad Header: x",), b"", b"400"),
        (("X-Bad: a\x00b",), b"", b"400"),
        (("Host: evil.example",), b"", b"400"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[0][:24].strip(),
)
def test_requests_that_are_none_are_answered_and_ended(
    lines: tuple[str, ...], body: bytes, status: bytes, hurried: Team
) -> None:
    with connected(hurried) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(head(hurried, "Connection: close", *lines) + body)
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 " + status) or (answer == b"" and status == b"413")
    assert hurried.get("/healthz")[0] == 200


@pytest.mark.parametrize(
    "line",
    ["", "GET", "GET / HTTP/0.9", "GET / HTTP/2.0", "PRI * HTTP/2.0", "\x16\x03\x01\x02\x00", "GET \xff HTTP/1.1"],
)
def test_other_protocols_are_not_spoken(line: str, hurried: Team) -> None:
    with connected(hurried) as client:
        client.sendall(head(hurried, "Connection: close", start=line))
        assert not rest(client).startswith(b"HTTP/1.1 200")
    assert hurried.get("/healthz")[0] == 200


def test_requests_one_after_the_other_use_one_connection(hurried: Team) -> None:
    with connected(hurried) as client:
        request = head(hurried, start="GET /healthz HTTP/1.1")
        client.sendall(request * 2 + head(hurried, "Connection: close", start="GET /healthz HTTP/1.1"))
        answer = rest(client)
    assert answer.count(b"HTTP/1.1 200") == 3


def test_expecting_to_go_on_is_answered_before_the_body(hurried: Team) -> None:
    with connected(hurried) as client:
        client.sendall(head(hurried, "Connection: close", "Content-Length: 2", "Expect: 100-continue"))
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"{}")
        assert rest(client).startswith(b"HTTP/1.1 400")


def mutated(request: bytes, random: Random) -> bytes:
    data = bytearray(request)
    for _ in range(random.randint(1, 4)):
        place, what = random.randrange(len(data)), random.randrange(4)
        if what == 0:
            data[place] = random.randrange(256)
        elif what == 1:
            del data[place : place + random.randint(1, 20)]
        elif what == 2:
            data[place:place] = random.choice([b"\r\n", b"\n", b"\0", b": ", b"%2e%2e/", b"\xff" * 9, b"[" * 900])
        else:
            data = data[:place] + data[: random.randrange(len(data))]
        data = data or bytearray(b"x")
    return bytes(data)


def test_no_bytes_make_the_service_fail(hurried: Team) -> None:
    random = Random(20261123)
    seeds = [
        head(hurried, "Content-Length: 2", "Authorization: Bearer a.b.c", start="POST /api/v2/signingCert HTTP/1.1")
        + b"{}",
        head(hurried, "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n",
        head(hurried, start="GET /api/v1/log/entries?logIndex=0 HTTP/1.1"),
        head(hurried, start="GET /ct/v1/get-entries?start=0&end=1 HTTP/1.1"),
    ]
    for number in range(200):
        with connected(hurried) as client, suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(mutated(seeds[number % len(seeds)], random))
            client.shutdown(socket.SHUT_WR)
            rest(client)
    assert hurried.get("/healthz")[0] == 200
    assert [line for line in hurried.journal if line["event"] == "failed"] == []


# --- TLS


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "team")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    paths[1].chmod(0o600)
    return paths


def test_tls_is_spoken_with_the_certificate_given_and_nothing_older(provider: Provider, tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path / "home")
    service = {"tls_certificate": "cert.pem", "tls_key": "key.pem"}
    issuer = {"issuer": provider.url, **ISSUER_KEYS}
    with serving_team(tmp_path / "home", issuer, LIMITS, service, scheme="https") as running:
        address = running.url.removeprefix("https://")
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection(address, context=context, timeout=WAIT)
        headers = {"Authorization": f"Bearer {provider.token()}"}
        connection.request("POST", "/api/v2/signingCert", csr(), headers)
        assert connection.getresponse().status == 201
        connection.close()
        with socket.create_connection(address.split(":"), timeout=WAIT) as client:  # no handshake at all
            assert rest(client) == b""
        with socket.create_connection(address.split(":"), timeout=WAIT) as client:
            client.sendall(head(running, start="GET /healthz HTTP/1.1"))
            assert b"200" not in rest(client)


# --- stopping


@contextmanager
def serving(handler: Handler, **fields: Any) -> Iterator[tuple[tuple[str, int], Callable[[], None]]]:
    """Serve one handler; yields the address and what begins the end."""
    listener = bind("127.0.0.1", 0)
    address = listener.getsockname()
    server = Server(listener, handler, Limits(), Journal(io.StringIO()), 2, **fields)
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve_until(stop, ready.set)), daemon=True)
    thread.start()
    assert ready.wait(WAIT)
    end = partial(loop.call_soon_threadsafe, stop.set)
    try:
        yield address, end
    finally:
        end()
        thread.join(WAIT)
        loop.close()


def test_whoever_is_being_answered_is_answered_when_the_service_stops() -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(_: Request) -> Response:
        entered.set()
        assert release.wait(WAIT)
        return Response.of({"done": True})

    with (
        serving(slow) as (address, end),
        socket.create_connection(address, timeout=WAIT) as asking,
        socket.create_connection(address, timeout=WAIT) as idle,
    ):
        asking.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert entered.wait(WAIT)
        end()
        assert rest(idle) == b""
        release.set()
        answer = rest(asking)
    assert b'{"done": true}' in answer
    assert b"Connection: close" in answer
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=WAIT).close()


def test_bodies_of_all_connections_together_are_bounded_and_given_back() -> None:
    memory = Memory(1000)
    with serving(lambda request: Response.of(len(request.body)), memory=memory) as (address, _):
        for size, expected in ((900, b"200"), (1100, b"503"), (900, b"200"), (900, b"200")):
            with socket.create_connection(address, timeout=WAIT) as client:
                start = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
                client.sendall(start.encode() + b"x" * size)
                assert rest(client).split(b" ", 2)[1] == expected
        with (
            socket.create_connection(address, timeout=WAIT) as half,
            socket.create_connection(address, timeout=WAIT) as late,
        ):
            half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 950\r\n\r\n" + b"x" * 900)
            while memory.free == 1000:
                time.sleep(0.01)
            late.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n" + b"x" * 200)
            assert b" 503 " in rest(late)
    assert memory.free == 1000
