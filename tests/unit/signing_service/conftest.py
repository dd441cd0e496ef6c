"""A real OIDC provider and a real service, both on loopback, for the unmodified sigstore library."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import io
import json
import secrets
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from theodore_plugin.signing.local.instance import LocalInstance, open_or_create
from theodore_plugin.signing.service.config import ServiceConfig
from theodore_plugin.signing.service.identity_tokens import Tokens
from theodore_plugin.signing.service.journal import Journal
from theodore_plugin.signing.service.serve import endpoints_of, tls_context
from theodore_plugin.signing.service.server import Server, bind

AUDIENCE = "sigstore"
RSA, EC, ED = "rsa-1", "ec-1", "ed-1"
ALGORITHM = {RSA: "RS256", EC: "ES256", ED: "EdDSA"}


def public_jwk(key: Any, key_id: str, algorithm: str) -> dict[str, Any]:
    writer = jwt.get_algorithm_by_name(algorithm)
    return {**json.loads(writer.to_jwk(key.public_key())), "kid": key_id, "alg": algorithm, "use": "sig"}


@dataclass
class Provider:
    """An OpenID Connect provider: discovery, key set, authorization code with PKCE, tokens."""

    url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "email": "jo@acme.example"})
    key_set: Callable[[], bytes] | None = None
    discovered_issuer: str | None = None

    def __post_init__(self) -> None:
        self.keys = {
            RSA: rsa.generate_private_key(65537, 2048),
            EC: ec.generate_private_key(ec.SECP256R1()),
            ED: ed25519.Ed25519PrivateKey.generate(),
        }

    def token(self, key_id: str = EC, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """Mint a token; ``None`` removes a claim."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            "email_verified": True,
            **self.person,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.keys[key_id], ALGORITHM[key_id], headers={"kid": key_id, **(headers or {})})

    def jwks(self) -> bytes:
        if self.key_set is not None:
            return self.key_set()
        return json.dumps(
            {"keys": [public_jwk(key, key_id, ALGORITHM[key_id]) for key_id, key in self.keys.items()]}
        ).encode()

    def discovery(self) -> bytes:
        return json.dumps(
            {
                "issuer": self.discovered_issuer or self.url,
                "jwks_uri": f"{self.url}/jwks",
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
            }
        ).encode()


class _ProviderHandler(BaseHTTPRequestHandler):
    @property
    def provider(self) -> Provider:
        return self.server.provider  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        self.provider.asked.append(parts.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == "/.well-known/openid-configuration":
            self.send(200, self.provider.discovery())
        elif parts.path == "/jwks":
            self.send(200, self.provider.jwks())
        elif parts.path == "/ci-token":  # what GitHub's runner offers to its jobs
            allowed = self.headers.get("Authorization") == "bearer runner-secret"
            token = self.provider.token(RSA, aud=query.get("audience")) if allowed else ""
            self.send(200 if allowed else 403, json.dumps({"value": token}).encode())
        elif parts.path == "/authorize":
            self.authorize(query)
        else:
            self.send(404, b"{}")

    def authorize(self, query: dict[str, str]) -> None:
        code = secrets.token_hex(8)
        assert query["code_challenge_method"] == "S256"
        self.provider.codes[code] = query
        if not query["redirect_uri"].startswith("http://localhost:"):
            self.send(200, code.encode())  # out of band: the person copies it
            return
        answer = urllib.parse.urlencode({"code": code, "state": query["state"]})
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{answer}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        asked = self.provider.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            self.send(400, b'{"error": "invalid_grant"}')
            return
        token = self.provider.token(EC, aud=asked["client_id"])
        self.send(200, json.dumps({"access_token": token, "id_token": token, "token_type": "Bearer"}).encode())

    def send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def providing(provider: Provider) -> Iterator[Provider]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _ProviderHandler) as server:
        server.provider = provider  # type: ignore[attr-defined]
        server.daemon_threads = True
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing(Provider()) as running:
        yield running


@dataclass
class Team:
    """A running service, and what it wrote into its log."""

    url: str
    instance: LocalInstance
    output: io.StringIO
    tokens: Tokens
    config: ServiceConfig

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
        yield Team(url, instance, output, tokens, config)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
        listener.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[Provider]:
    with providing(Provider()) as running:
        yield running


@pytest.fixture(scope="module")
def team(shared_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """One service for the tests that leave nothing behind but log entries."""
    issuer = {"issuer": shared_provider.url, **ISSUER_KEYS, "interactive": True}
    limits = {"certificates_per_minute": 10_000, "requests_per_minute": 100_000}
    with serving_team(tmp_path_factory.mktemp("team") / "home", issuer, limits) as running:
        yield running
