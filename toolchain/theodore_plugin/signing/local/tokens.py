"""OIDC-shaped identity tokens for the local instance: a JWT (RFC 7519) under a secret that lives as long as the server.

A token names one identity, is valid for a minute and buys one certificate. The secret never leaves the process, so a
token cannot be made or replayed by anyone who merely finds the port.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

AUDIENCE = "sigstore"
LIFETIME = timedelta(minutes=1)
_HEADER = {"alg": "HS256", "typ": "JWT"}


class TokenError(Exception):
    """The token is not ours, has been used, or is out of its time."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token speaks for, and who vouches for it: what a certificate made for it states.

    ``identity`` is a URI, or an e-mail address where ``email`` says so. ``statements`` are what else the issuer
    vouches for, by names of :data:`theodore_plugin.signing.local.authority.STATEMENTS`.
    """

    identity: str
    issuer: str
    email: bool = False
    statements: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Mint:
    """Mints and redeems the tokens of one server."""

    issuer: str
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _used: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def mint(self, identity: str, now: datetime) -> str:
        """Return a token for ``identity``, good for one certificate until :data:`LIFETIME` from ``now``."""
        claims = {
            "iss": self.issuer,
            "sub": identity,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        signed = f"{_encode(_HEADER)}.{_encode(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def redeem(self, token: str, now: datetime) -> Claims:
        """Use ``token`` up and return what it claims; raises :class:`TokenError`."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise TokenError("the token was not minted by this instance")
        claims = _decode(signed.rpartition(".")[2])
        if claims["aud"] != AUDIENCE or not claims["iat"] <= now.timestamp() < claims["exp"]:
            raise TokenError("the token is for another audience or out of its time")
        with self._lock:
            if claims["jti"] in self._used:
                raise TokenError("the token has been used")
            self._used.add(claims["jti"])
        return Claims(claims["sub"], claims["iss"])

    def _signature(self, signed: str) -> str:
        return _base64url(hmac.digest(self._secret, signed.encode(), hashlib.sha256))


def _encode(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _decode(text: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise TokenError("the token is malformed") from error
    return value


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
