"""Verifying an identity token: a JWT (RFC 7519) by one of the configured issuers, for this service, and now.

In order, each step on what the one before established (RFC 8725 says why):

1. size and shape; the header's ``alg`` is on the issuer's list, a key id is given, nothing is critical;
2. ``iss`` is one of ours, character by character; only then are keys looked for, and only that issuer's;
3. the signature, by a key published for this algorithm; keys the token brings along are never looked at;
4. ``aud`` is ours and nobody else's, ``exp``, ``iat`` and ``nbf`` hold, the lifetime is bounded;
5. the claims the configuration demands, and an identity on its list.

Whether the token was used before is asked last, by whoever issues (:mod:`.replays`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from theodore_loader.trust.identity import matches
from theodore_plugin.signing.local.tokens import Claims
from theodore_plugin.signing.service import identities
from theodore_plugin.signing.service.issuer_table import IssuerRule
from theodore_plugin.signing.service.keys import Keys, KeysError

MAX_TOKEN = 16 << 10
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")


class TokenRefused(Exception):
    """The token buys nothing; ``reason`` is for the client too and holds nothing of the token but checked claims."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that holds: what a certificate would say, how the token is told from others, and until when it holds."""

    claims: Claims
    use: bytes
    expires: int
    single_use: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """The issuers believed, and their keys."""

    rules: Mapping[str, IssuerRule]
    keys: Mapping[str, Keys]

    @classmethod
    def of(cls, rules: Mapping[str, IssuerRule]) -> Tokens:
        """Believe ``rules``; keys are fetched when the first token comes."""
        return cls(rules, {issuer: Keys(issuer, rule.jwks) for issuer, rule in rules.items()})

    def verify(self, token: str, now: datetime) -> Verified:
        """Return what ``token`` establishes; raises :class:`TokenRefused`."""
        header, payload, signed = _unverified(token)
        rule = self.rules.get(payload["iss"]) if isinstance(payload.get("iss"), str) else None
        if rule is None:
            raise TokenRefused("the token is by no issuer that is configured here")
        claims = self._signed(token, _algorithm(header, rule), header["kid"], rule)
        _check_times(claims, rule, now)
        _check_audience(claims, rule)
        _check_required(claims, rule)
        certified = _certified(claims, rule)
        return Verified(certified, _use(claims, signed), int(claims["exp"]) + rule.skew, rule.single_use)

    def _signed(self, token: str, algorithm: str, key_id: str, rule: IssuerRule) -> dict[str, Any]:
        import jwt

        try:
            key = self.keys[rule.issuer].find(key_id, algorithm)
            # times and audience are held to more than PyJWT's rules, below
            options: Any = {"require": list(_REQUIRED), "verify_aud": False, "verify_exp": False}
            options |= {"verify_nbf": False, "verify_iat": False, "enforce_minimum_key_length": True}
            return jwt.decode(token, key, [algorithm], options, issuer=rule.issuer)
        except KeysError as error:
            raise TokenRefused(str(error)) from error
        except jwt.MissingRequiredClaimError as error:
            raise TokenRefused(f"the token lacks the claim {error.claim!r}") from error
        except Exception as error:  # whatever a hostile token makes the library raise is a refusal
            raise TokenRefused("the token's signature does not hold") from error


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return header, payload and what the signature is over; nothing of it is believed yet."""
    if len(token) > MAX_TOKEN or token.count(".") != 2:
        raise TokenRefused(f"the token is no signed JWT of {MAX_TOKEN:,} characters at most")
    header, payload, _ = token.split(".")
    return _object(header), _object(payload), f"{header}.{payload}".encode()


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise TokenRefused("the token is malformed") from error
    if not isinstance(value, dict):
        raise TokenRefused("the token is malformed")
    return value


def _algorithm(header: Mapping[str, Any], rule: IssuerRule) -> str:
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in rule.algorithms:
        raise TokenRefused("the token is signed by an algorithm that is not allowed for its issuer")
    if not isinstance(key_id, str) or not key_id:
        raise TokenRefused("the token does not say which key signed it")
    if "crit" in header:
        raise TokenRefused("the token demands an extension that is not known here")
    return algorithm


def _check_times(claims: Mapping[str, Any], rule: IssuerRule, now: datetime) -> None:
    moment = now.timestamp()
    issued, expires, begins = (_time(claims, name) for name in ("iat", "exp", "nbf"))
    if expires <= moment - rule.skew:
        raise TokenRefused("the token has expired")
    if issued > moment + rule.skew or begins > moment + rule.skew:
        raise TokenRefused("the token is not valid yet; compare the clocks")
    if expires - issued > rule.max_lifetime:
        raise TokenRefused(f"the token lives longer than {rule.max_lifetime} s")


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name, 0) if name == "nbf" else claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenRefused(f"the token's {name} is no time")
    return float(value)


def _check_audience(claims: Mapping[str, Any], rule: IssuerRule) -> None:
    # a token that others may receive too could be handed on by them
    if claims["aud"] not in (rule.audience, [rule.audience]):
        raise TokenRefused(f"the token is not for {rule.audience!r} alone")


def _check_required(claims: Mapping[str, Any], rule: IssuerRule) -> None:
    for name, value in rule.require.items():
        found = claims.get(name)
        if isinstance(found, bool) or not isinstance(found, str | int) or str(found) != value:
            raise TokenRefused(f"the token's claim {name!r} is not what is required here")


def _certified(claims: Mapping[str, Any], rule: IssuerRule) -> Claims:
    try:
        identity = _identity(claims, rule)
        made = {name: template.filled(claims) for name, template in rule.statements.items()}
    except identities.IdentityProblem as error:
        raise TokenRefused(str(error)) from error
    if rule.identities and not any(matches(glob, identity) for glob in rule.identities):
        raise TokenRefused(f"the identity {identity} is not on this service's list")
    return Claims(identity, rule.issuer, rule.email, {name: text for name, text in made.items() if text})


def _identity(claims: Mapping[str, Any], rule: IssuerRule) -> str:
    text = rule.identity.filled(claims)
    if text is None:
        raise identities.IdentityProblem(f"the token lacks a claim the identity is made of: {rule.identity.claims}")
    if not rule.email:
        return identities.uri(text)
    if claims.get("email_verified") is not True:
        raise identities.IdentityProblem("the token's issuer has not verified the e-mail address")
    return identities.address(text)


def _use(claims: Mapping[str, Any], signed: bytes) -> bytes:
    """Return what tells this token from others: by its id, or by what was signed, never by the signature's bytes.

    An ECDSA signature has a second form that holds as well; what it is over has not.
    """
    token_id = claims.get("jti")
    named = isinstance(token_id, str) and token_id
    told = json.dumps([claims["iss"], token_id]).encode() if named else signed
    return hashlib.sha256((b"jti:" if named else b"token:") + told).digest()
