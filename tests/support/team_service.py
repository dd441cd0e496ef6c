"""The service as ``instance serve`` runs it, in a thread, and a plain HTTP client for it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from oidc_provider import AUDIENCE

from theodore_plugin.signing.local.instance import LocalInstance, open_or_create
from theodore_plugin.signing.service.config import ServiceConfig
from theodore_plugin.signing.service.endpoints import Endpoints
from theodore_plugin.signing.service.identity_tokens import Tokens
from theodore_plugin.signing.service.journal import Journal
from theodore_plugin.signing.service.serve import endpoints_of, server_of
from theodore_plugin.signing.service.server import bind


@dataclass
class Team:
    """A running service, and what it wrote into its log."""

    url: str
    instance: LocalInstance
    output: io.StringIO
    tokens: Tokens
    config: ServiceConfig
    endpoints: Endpoints

    @property
    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def reasons(self) -> list[str]:
        return [line["reason"] for line in self.journal if line["event"] == "refused"]

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        return self.ask("POST", path, body, **headers)

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return self.ask("GET", path, None, **headers)

    def ask(self, method: str, path: str, body: bytes | None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data)
        finally:
            connection.close()

    def certificate(self, token: str, body: bytes | None = None) -> tuple[int, Any]:
        return self.post("/api/v2/signingCert", body or csr(), Authorization=f"Bearer {token}")

    def leaf(self, token: str) -> x509.Certificate:
        status, answer = self.certificate(token)
        assert status == 201, answer
        chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]
        return x509.load_pem_x509_certificate(chain[0].encode())


def csr(key: Any = None, tamper: Callable[[bytes], bytes] = lambda der: der) -> bytes:
    key = key or ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    der = tamper(request.public_bytes(serialization.Encoding.DER))
    text = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE REQUEST-----\n"
    return json.dumps({"certificateSigningRequest": base64.b64encode(text).decode()}).encode()


def hashedrekord(leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey, data: bytes = b"hello") -> bytes:
    pem = leaf.public_bytes(serialization.Encoding.PEM)
    signature = {
        "content": base64.b64encode(key.sign(b"hello", ec.ECDSA(hashes.SHA256()))).decode(),
        "publicKey": {"content": base64.b64encode(pem).decode()},
    }
    digest = {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
    return json.dumps(
        {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {"data": {"hash": digest}, "signature": signature},
        }
    ).encode()


def entry_for(answer: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> bytes:
    """Propose an entry with the certificate that a service answered."""
    chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"]
    return hashedrekord(x509.load_pem_x509_certificate(chain[0].encode()), key)


ISSUER_KEYS = {"audience": AUDIENCE, "algorithms": ["RS256", "ES256", "EdDSA"], "identity_email": "email"}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def config_text(url: str, listen: str, issuer: dict[str, Any], limits: dict[str, Any], service: dict[str, Any]) -> str:
    lines = ["schema = 1", "[service]", f'url = "{url}"', f'listen = "{listen}"']
    lines += [f"{key} = {toml(value)}" for key, value in service.items()]
    lines += ["[limits]", *(f"{key} = {toml(value)}" for key, value in limits.items())]
    lines += ["[[issuer]]", *(f"{key} = {toml(value)}" for key, value in issuer.items())]
    return "\n".join(lines) + "\n"


@contextmanager
def serving_team(
    folder: Path,
    issuer: dict[str, Any],
    limits: dict[str, Any] | None = None,
    service: dict[str, Any] | None = None,
    scheme: str = "http",
) -> Iterator[Team]:
    """Run the service as ``instance serve`` does, in a thread of this process."""
    folder.mkdir(mode=0o700, exist_ok=True)
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    url = f"{scheme}://127.0.0.1:{port}"
    path = folder / "service.toml"
    path.write_text(config_text(url, f"127.0.0.1:{port}", issuer, limits or {}, service or {}))
    path.chmod(0o600)
    config = ServiceConfig.load(path)
    instance = open_or_create(config.place.instance, folder)
    output = io.StringIO()
    tokens = Tokens.of(config.issuers)
    endpoints = endpoints_of(config, instance, tokens, Journal(output), port)
    server = server_of(config, listener, endpoints)
    loop = asyncio.new_event_loop()
    stop, ready = asyncio.Event(), threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve_until(stop, ready.set)), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield Team(url, instance, output, tokens, config, endpoints)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
        listener.close()
        assert not thread.is_alive()


@dataclass
class Process:
    """The service as a process of its own, by the command line."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]

    @property
    def journal(self) -> list[dict[str, Any]]:
        # a process that was killed may leave half a line
        lines = (self.folder / "journal").read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def client(self) -> Team:
        """A plain HTTP client for it."""
        return Team(self.url, None, io.StringIO(), None, None, None)  # type: ignore[arg-type]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def process_of_team(folder: Path, issuer: dict[str, Any], limits: dict[str, Any] | None = None) -> Iterator[Process]:
    """Run ``theodore-plugin instance serve`` until the block ends, if nobody ended it before."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "service.toml"
    if not path.exists():
        port = free_port()
        path.write_text(config_text(f"http://127.0.0.1:{port}", f"127.0.0.1:{port}", issuer, limits or {}, {}))
        path.chmod(0o600)
    url = ServiceConfig.load(path).place.url
    environment = {**os.environ, "THEODORE_PLUGIN_HOME": str(folder)}
    arguments = [sys.executable, "-m", "theodore_plugin", "instance", "serve", "--config", str(path)]
    before = (folder / "journal").read_bytes().count(b'"started"') if (folder / "journal").exists() else 0
    with (folder / "journal").open("ab") as journal, (folder / "errors").open("ab") as errors:
        process = subprocess.Popen(arguments, stdout=journal, stderr=errors, env=environment)
    running = Process(folder, url, process)
    try:
        deadline = time.monotonic() + 120
        while (folder / "journal").read_bytes().count(b'"started"') == before:
            assert process.poll() is None, (folder / "errors").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        while not accepts(url):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield running
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port for a process that is yet to start: none of those the kernel gives to whoever asks for any."""
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    places = range(given // 2, given) if given > 4096 else [0]  # where the kernel gives away all, one of those
    while True:
        with suppress(OSError), bind("127.0.0.1", SystemRandom().choice(places)) as free:
            port: int = free.getsockname()[1]
            return port


def accepts(url: str) -> bool:
    host, port = url.split("//")[1].split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True
