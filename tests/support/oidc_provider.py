"""A real OpenID provider on loopback: discovery, key set, authorization code with PKCE, tokens of a CI system."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "sigstore"
RSA, EC, ED = "rsa-1", "ec-1", "ed-1"
ALGORITHM = {RSA: "RS256", EC: "ES256", ED: "EdDSA"}


def public_jwk(key: Any, key_id: str, algorithm: str) -> dict[str, Any]:
    writer = jwt.get_algorithm_by_name(algorithm)
    return {**json.loads(writer.to_jwk(key.public_key())), "kid": key_id, "alg": algorithm, "use": "sig"}


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One for all providers of a process: making it takes longer than most tests."""
    return rsa.generate_private_key(65537, 2048)


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
            RSA: rsa_key(),
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
