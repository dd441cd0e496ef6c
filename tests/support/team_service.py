"""The service as ``instance serve`` runs it, in a thread, and a plain HTTP client for it."""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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
from theodore_plugin.signing.service.serve import endpoints_of, tls_context
from theodore_plugin.signing.service.server import Server, bind


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
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=20)
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
    server = Server(
        listener, endpoints.handle, config.limits, Journal(output), config.place.threads, tls_context(config)
    )
    loop = asyncio.new_event_loop()
    stop, ready = asyncio.Event(), threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve_until(stop, ready.set)), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield Team(url, instance, output, tokens, config, endpoints)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
        listener.close()
        assert not thread.is_alive()
