"""Tokens that must not buy a certificate, and what those that do are worth."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import posixpath
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from oidc_provider import EC, RSA, Provider, public_jwk
from team_service import ISSUER_KEYS, config_text

from theodore_loader.trust.identity import matches
from theodore_plugin.signing.service import identities
from theodore_plugin.signing.service.config import parse
from theodore_plugin.signing.service.identity_tokens import MAX_TOKEN, TokenRefused, Tokens
from theodore_plugin.signing.service.issuer_table import IssuerRule

ISSUER = "https://login.acme.example"


@pytest.fixture(scope="module")
def idp() -> Provider:
    return Provider(url=ISSUER)


def tokens_of(idp: Provider, folder: Path, **changes: Any) -> Tokens:
    (folder / "keys.json").write_bytes(idp.jwks())
    (folder / "keys.json").chmod(0o600)
    issuer = {"issuer": ISSUER, "jwks": "keys.json", **ISSUER_KEYS, **changes}
    if "identity_uri" in changes or "profile" in changes:
        del issuer["identity_email"]
    text = config_text("https://sign.acme.example", "127.0.0.1:8443", issuer, {}, {})
    return Tokens.of(parse(text.encode(), folder / "service.toml").issuers)


@pytest.fixture
def tokens(idp: Provider, tmp_path: Path) -> Tokens:
    return tokens_of(idp, tmp_path)


def verify(tokens: Tokens, token: str):
    return tokens.verify(token, datetime.now(UTC))


def encode(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def with_header(token: str, header: Any) -> str:
    _, payload, signature = token.split(".")
    return f"{encode(header)}.{payload}.{signature}"


def by_secret(token: str, secret: bytes) -> str:
    """Sign with HMAC, under what everybody knows."""
    signed = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': RSA})}.{token.split('.')[1]}"
    digest = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def flipped(token: str) -> str:
    head, payload, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[7] ^= 1
    return f"{head}.{payload}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def edited(idp: Provider) -> str:
    head, _, signature = idp.token().split(".")
    claims = {**claims_of(idp.token()), "email": "boss@acme.example"}
    return f"{head}.{encode(claims)}.{signature}"


def with_own_key(idp: Provider) -> str:
    """A token that brings its own key along, under the name of a real one."""
    mine = ec.generate_private_key(ec.SECP256R1())
    header = {"kid": EC, "jwk": public_jwk(mine, EC, "ES256"), "jku": "https://evil.example/keys", "x5u": "https://e"}
    return jwt.encode(claims_of(idp.token()), mine, "ES256", headers=header)


NOW = 1_000_000_000_000  # far beyond any token's time
FORGED: dict[str, Callable[[Provider], str]] = {
    "alg-none": lambda idp: f"{encode({'alg': 'none', 'kid': EC})}.{idp.token().split('.')[1]}.",
    "alg-none-in-capitals": lambda idp: f"{encode({'alg': 'NONE', 'kid': EC})}.{idp.token().split('.')[1]}.",
    "alg-list": lambda idp: with_header(idp.token(), {"alg": ["ES256"], "kid": EC}),
    "alg-missing": lambda idp: with_header(idp.token(), {"kid": EC}),
    "hmac-with-the-public-key-in-pem": lambda idp: by_secret(idp.token(RSA), public_pem(idp.keys[RSA])),
    "hmac-with-the-public-key-as-jwk": lambda idp: by_secret(idp.token(RSA), idp.jwks()),
    "hmac-with-nothing": lambda idp: by_secret(idp.token(RSA), b""),
    "key-of-another-kind": lambda idp: with_header(idp.token(EC), {"alg": "ES256", "kid": RSA}),
    "algorithm-of-another-kind": lambda idp: with_header(idp.token(RSA), {"alg": "ES256", "kid": RSA}),
    "algorithm-not-on-the-list": lambda idp: with_header(idp.token(RSA), {"alg": "RS512", "kid": RSA}),
    "own-key-in-the-header": with_own_key,
    "no-key-id": lambda idp: with_header(idp.token(), {"alg": "ES256"}),
    "key-id-list": lambda idp: with_header(idp.token(), {"alg": "ES256", "kid": [EC]}),
    "unknown-key-id": lambda idp: idp.token(headers={"kid": "nobody's"}),
    "path-as-key-id": lambda idp: idp.token(headers={"kid": "../../../../dev/null"}),
    "critical-extension": lambda idp: with_header(idp.token(), {"alg": "ES256", "kid": EC, "crit": ["b64"]}),
    "signature-flipped": lambda idp: flipped(idp.token()),
    "signature-cut-off": lambda idp: idp.token().rpartition(".")[0] + ".",
    "claims-edited": edited,
    "expired": lambda idp: idp.token(iat=int(time.time()) - 400, exp=int(time.time()) - 60),
    "not-yet-valid": lambda idp: idp.token(nbf=int(time.time()) + 120),
    "issued-in-the-future": lambda idp: idp.token(iat=int(time.time()) + 120, exp=int(time.time()) + 240),
    "lives-for-ever": lambda idp: idp.token(exp=NOW),
    "expiry-as-text": lambda idp: idp.token(exp=str(int(time.time()) + 60)),
    "expiry-infinite": lambda idp: idp.token(exp=float("inf")),
    "expiry-no-number": lambda idp: idp.token(exp=float("nan")),
    "expiry-true": lambda idp: idp.token(exp=True, iat=0),
    "no-expiry": lambda idp: idp.token(exp=None),
    "no-issue-time": lambda idp: idp.token(iat=None),
    "no-subject": lambda idp: idp.token(sub=None),
    "other-audience": lambda idp: idp.token(aud="another-service"),
    "audience-in-capitals": lambda idp: idp.token(aud="Sigstore"),
    "audience-prefix": lambda idp: idp.token(aud="sigstore2"),
    "audience-shared": lambda idp: idp.token(aud=["sigstore", "another-service"]),
    "no-audience": lambda idp: idp.token(aud=None),
    "other-issuer": lambda idp: idp.token(iss="https://login.evil.example"),
    "issuer-with-a-slash": lambda idp: idp.token(iss=f"{ISSUER}/"),
    "issuer-in-capitals": lambda idp: idp.token(iss="https://login.ACME.example"),
    "issuer-in-cyrillic": lambda idp: idp.token(iss="https://login.\u0430cme.example"),
    "issuer-with-a-blank": lambda idp: idp.token(iss=f"{ISSUER} "),
    "issuer-with-a-port": lambda idp: idp.token(iss=f"{ISSUER}:443"),
    "issuer-as-a-list": lambda idp: unchecked(idp, iss=[ISSUER]),
    "no-issuer": lambda idp: idp.token(iss=None),
    "address-not-verified": lambda idp: idp.token(email_verified=False),
    "address-verified-by-word-only": lambda idp: idp.token(email_verified="true"),
    "address-of-unknown-state": lambda idp: idp.token(email_verified=None),
    "no-address": lambda idp: idp.token(email=None),
    "address-as-a-list": lambda idp: idp.token(email=["jo@acme.example"]),
    "address-with-a-star": lambda idp: idp.token(email="*@acme.example"),
    "two-addresses": lambda idp: idp.token(email="jo@acme.example,eve@evil.example"),
    "address-with-a-newline": lambda idp: idp.token(email="jo@acme.example\nboss@acme.example"),
    "address-with-a-name": lambda idp: idp.token(email="Jo <jo@acme.example>"),
    "address-in-cyrillic": lambda idp: idp.token(email="j\u043e@acme.example"),
    "empty": lambda _: "",
    "two-parts": lambda idp: idp.token().rpartition(".")[0],
    "five-parts": lambda idp: f"{idp.token()}.a.b",
    "no-json": lambda _: "bm8.bm8.bm8",
    "header-is-a-list": lambda idp: with_header(idp.token(), ["ES256"]),
    "header-without-end": lambda _: base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=") + ".e30.e30",
    "huge": lambda idp: idp.token(padding="x" * MAX_TOKEN),
}


WHY = {
    "by an algorithm that is not allowed": ("alg-", "hmac-", "algorithm-not"),
    "the key is none for ES256": ("key-of-another", "algorithm-of"),
    "does not hold": ("own-key", "signature-", "claims-edited"),
    "which key signed it": ("no-key-id", "key-id-list"),
    "has no key": ("unknown-key-id", "path-as"),
    "demands an extension": ("critical",),
    "has expired": ("expired",),
    "not valid yet": ("not-yet", "issued-in"),
    "lives longer": ("lives",),
    "exp is no time": ("expiry-",),
    "lacks the claim '": ("no-expiry", "no-issue-time", "no-subject", "no-audience"),
    "is not for 'sigstore' alone": ("other-audience", "audience-"),
    "by no issuer that is configured": ("other-issuer", "issuer-", "no-issuer"),
    "has not verified": ("address-not", "address-verified", "address-of"),
    "lacks a claim the identity": ("no-address",),
    "is neither text": ("address-as",),
    "no plain e-mail": ("address-with-a-star", "two-addresses", "address-with-a-name", "address-in"),
    "cannot be printed": ("address-with-a-newline",),
    "is no signed JWT": ("empty", "two-parts", "five-parts", "huge"),
    "malformed": ("no-json", "header-"),
}


def unchecked(idp: Provider, **changes: Any) -> str:
    """PyJWT refuses to write what it would refuse to read; an attacker's library does not."""
    payload = {**claims_of(idp.token()), **changes}
    return jwt.api_jws.encode(json.dumps(payload).encode(), idp.keys[EC], "ES256", headers={"kid": EC})


@pytest.mark.parametrize("case", FORGED)
def test_what_is_no_token_of_ours_buys_nothing(case: str, idp: Provider, tokens: Tokens) -> None:
    verify(tokens, idp.token())
    with pytest.raises(TokenRefused) as refusal:
        verify(tokens, FORGED[case](idp))
    reason = next(reason for reason, cases in WHY.items() if case.startswith(cases))
    assert reason in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("token", ["\ud800.a.b", "é.é.é", "a.b.c\n", "  ..", "..", "\0.\0.\0"])
def test_what_is_no_text_of_a_token_is_refused(token: str, tokens: Tokens) -> None:
    with pytest.raises(TokenRefused):
        verify(tokens, token)


def test_no_change_of_a_character_makes_another_token_of_a_token(idp: Provider, tokens: Tokens) -> None:
    token = idp.token()
    good = verify(tokens, token)
    accepted = 0
    for place, character in enumerate(token):
        changed = f"{token[:place]}{'A' if character != 'A' else 'B'}{token[place + 1 :]}"
        try:
            other = verify(tokens, changed)
        except TokenRefused:
            continue
        accepted += 1  # the last character of a signature has bits that are in no byte
        assert other == good
    assert accepted <= 1


def test_a_key_file_that_others_can_write_gives_no_keys(idp: Provider, tmp_path: Path) -> None:
    tokens = tokens_of(idp, tmp_path)
    (tmp_path / "keys.json").chmod(0o666)
    with pytest.raises(TokenRefused, match="can be written by other users"):
        verify(tokens, idp.token())


def test_a_good_token_names_the_address_and_the_issuer(idp: Provider, tokens: Tokens) -> None:
    claims = verify(tokens, idp.token()).claims
    assert (claims.identity, claims.issuer, claims.email) == ("jo@acme.example", ISSUER, True)
    assert verify(tokens, idp.token(aud=["sigstore"])).claims == claims


def test_clocks_may_differ_by_the_skew_and_not_by_more(idp: Provider, tokens: Tokens) -> None:
    token = idp.token()
    now = datetime.now(UTC)
    tokens.verify(token, now + timedelta(seconds=320))
    for moment in (now + timedelta(seconds=340), now - timedelta(seconds=40)):
        with pytest.raises(TokenRefused):
            tokens.verify(token, moment)


def test_the_same_token_is_told_whatever_its_signature_looks_like(idp: Provider, tokens: Tokens) -> None:
    token = idp.token(jti=None)
    head, payload, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)
    twin = f"{head}.{payload}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"
    assert twin != token
    assert verify(tokens, twin).use == verify(tokens, token).use
    assert verify(tokens, idp.token(jti="a")).use == verify(tokens, idp.token(jti="a", email="x@acme.example")).use
    assert verify(tokens, idp.token()).use != verify(tokens, idp.token()).use


@pytest.mark.parametrize(
    ("required", "claim"),
    [("acme", "ACME"), ("acme", "acme2"), ("acme", None), ("acme", ["acme"]), ("true", True), ("1", 1.0)],
)
def test_a_required_claim_is_exact(required: str, claim: Any, idp: Provider, tmp_path: Path) -> None:
    tokens = tokens_of(idp, tmp_path, require={"owner": required})
    with pytest.raises(TokenRefused, match="'owner'"):
        verify(tokens, idp.token(owner=claim))
    verify(tokens, idp.token(owner=required))


GITHUB = {
    "sub": "repo:acme/hello:ref:refs/heads/main",
    "repository": "acme/hello",
    "repository_id": "1234",
    "repository_owner": "acme",
    "repository_owner_id": "99",
    "repository_visibility": "private",
    "job_workflow_ref": "acme/hello/.github/workflows/release.yml@refs/heads/main",
    "job_workflow_sha": "a" * 40,
    "workflow_ref": "acme/hello/.github/workflows/release.yml@refs/heads/main",
    "workflow_sha": "a" * 40,
    "ref": "refs/heads/main",
    "sha": "b" * 40,
    "event_name": "push",
    "run_id": "77",
    "run_attempt": "1",
    "runner_environment": "github-hosted",
    "email": None,
}


def github(idp: Provider, folder: Path) -> Tokens:
    return tokens_of(idp, folder, profile="github-actions", identities=["https://github.com/acme/**"])


def test_a_ci_tokens_source_is_stated_as_fulcio_states_it(idp: Provider, tmp_path: Path) -> None:
    claims = verify(github(idp, tmp_path), idp.token(**GITHUB)).claims
    assert claims.identity == f"https://github.com/{GITHUB['job_workflow_ref']}"
    assert claims.statements["source_repository_uri"] == "https://github.com/acme/hello"
    assert claims.statements["source_repository_owner_id"] == "99"
    assert claims.statements["run_invocation_uri"] == "https://github.com/acme/hello/actions/runs/77/attempts/1"
    assert len(claims.statements) == 14
    without = verify(github(idp, tmp_path), idp.token(**{**GITHUB, "run_id": None})).claims
    assert "run_invocation_uri" not in without.statements


@pytest.mark.parametrize(
    "reference",
    [
        "evil/hello/.github/workflows/release.yml@refs/heads/main",
        "acme/../evil/release.yml@main",
        "acme/%2e%2e/evil/release.yml@main",
        "acme/%252e%252e/evil/release.yml@main",
        "acme//evil/release.yml@main",
        "acme/./release.yml@main",
        "acme/*",
        "acme/**",
        "acme/hello?x=/evil",
        "acme/hello/[a-z].yml",
        "acme/hello release.yml",
        "acme/hello\\..\\evil",
        "acme/hello\u202e.yml",
        "\u0430cme/hello/release.yml",
        "ACME/hello/release.yml",
        "acme",
        "@evil.example/acme/hello",
        "acme/" + "x" * 1100,
        "",
    ],
)
def test_identities_that_could_be_read_in_two_ways_are_refused(reference: str, idp: Provider, tmp_path: Path) -> None:
    tokens = github(idp, tmp_path)
    with pytest.raises(TokenRefused):
        verify(tokens, idp.token(**{**GITHUB, "job_workflow_ref": reference}))


@pytest.mark.parametrize("sub", ["https://evil.example", "//evil.example", "@evil.example/", ":x@evil.example/"])
def test_a_claim_cannot_leave_its_place_in_a_template(sub: str, idp: Provider, tmp_path: Path) -> None:
    tokens = tokens_of(idp, tmp_path, identity_uri="https://{sub}/ci", identities=["https://*.acme.example/ci"])
    with pytest.raises(TokenRefused):
        verify(tokens, idp.token(sub=sub))


@given(st.text(max_size=60) | st.from_regex(r"[a-z]+:[a-zA-Z0-9./%@-]{1,40}", fullmatch=True))
def test_whatever_passes_as_a_uri_means_one_thing(text: str) -> None:
    try:
        accepted = identities.uri(text)
    except identities.IdentityProblem:
        return
    assert accepted == text
    assert accepted.isascii()
    assert not set(accepted) & set("*?[]\\ \n")
    path = unquote(urlsplit(accepted).path)
    assert ".." not in path.split("/")
    assert posixpath.normpath(path) in {path, path.rstrip("/") or ".", "."}
    assert matches(accepted, accepted)
    assert not matches(accepted, f"{accepted}x")


@given(st.emails() | st.text(max_size=40))
def test_whatever_passes_as_an_address_is_one(text: str) -> None:
    try:
        accepted = identities.address(text)
    except identities.IdentityProblem:
        return
    assert accepted == text
    assert accepted.isascii()
    assert accepted.count("@") == 1
    assert not set(accepted) & set('*?[]\\ \n,<>"')


# --- the issuer's keys


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def watched(running: Provider, **changes: Any) -> tuple[Tokens, Clock]:
    rule = IssuerRule(
        running.url, "sigstore", frozenset({"RS256", "ES256"}), "discovery", _template(), True, (), {}, {}, **changes
    )
    tokens = Tokens.of({running.url: rule})
    clock = Clock()
    tokens.keys[running.url].clock = clock
    return tokens, clock


def _template():
    from theodore_plugin.signing.service.identities import Template

    return Template.parse("{email}")


def test_keys_are_fetched_once_and_again_for_a_new_key_only(provider: Provider) -> None:
    tokens, clock = watched(provider)
    for _ in range(5):
        verify(tokens, provider.token())
    assert provider.asked.count("/jwks") == 1
    fresh = ec.generate_private_key(ec.SECP256R1())
    provider.keys = {**provider.keys, "ec-2": fresh}
    import oidc_provider

    oidc_provider.ALGORITHM["ec-2"] = "ES256"
    clock.now += 31
    verify(tokens, provider.token("ec-2"))
    assert provider.asked.count("/jwks") == 2


def test_forged_key_ids_do_not_send_requests_to_the_issuer(provider: Provider) -> None:
    tokens, clock = watched(provider)
    verify(tokens, provider.token())
    for number in range(200):
        clock.now += 0.1
        with pytest.raises(TokenRefused, match="no key"):
            verify(tokens, provider.token(headers={"kid": f"forged-{number}"}))
    assert provider.asked.count("/jwks") <= 2


def test_a_withdrawn_key_ends_within_the_hour(provider: Provider) -> None:
    tokens, clock = watched(provider)
    token = provider.token()
    verify(tokens, token)
    provider.key_set = lambda: b'{"keys": []}'
    clock.now += 3601
    with pytest.raises(TokenRefused, match="no key"):
        verify(tokens, token)


def test_an_issuer_that_is_down_for_a_while_stops_nobody_and_for_a_day_everybody(provider: Provider) -> None:
    tokens, clock = watched(provider)
    token = provider.token()
    verify(tokens, token)
    provider.key_set = lambda: b"gone"
    clock.now += 7200
    verify(tokens, token)
    clock.now += 24 * 3600
    with pytest.raises(TokenRefused, match="too old"):
        verify(tokens, token)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b'{"keys": {}}',
        b'{"keys": [' + b"{}," * 200 + b"{}]}",
        b"[" * 100_000,
        b" " * (1 << 19),
        b'{"keys": [{"kid": "ec-1", "kty": "oct", "k": "c2VjcmV0", "alg": "ES256"}]}',
        b'{"keys": [{"kid": "ec-1", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}',
        b'{"keys": [{"kid": "ec-1"}, {"kid": "ec-1"}]}',
        b'{"keys": ["ec-1", null, {"kid": 5}]}',
    ],
)
def test_key_sets_that_are_none_are_refused(document: bytes, provider: Provider) -> None:
    tokens, _ = watched(provider)
    provider.key_set = lambda: document
    with pytest.raises(TokenRefused):
        verify(tokens, provider.token())


def test_a_key_for_another_purpose_is_not_used(provider: Provider) -> None:
    for change in ({"use": "enc"}, {"alg": "ES384"}, {"crv": "P-384"}):
        tokens, _ = watched(provider)
        entry = {**public_jwk(provider.keys[EC], EC, "ES256"), **change}
        provider.key_set = lambda entry=entry: json.dumps({"keys": [entry]}).encode()
        with pytest.raises(TokenRefused):
            verify(tokens, provider.token())


def test_a_weak_key_of_the_issuer_is_not_used(provider: Provider) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    provider.key_set = lambda: json.dumps({"keys": [public_jwk(weak, RSA, "RS256")]}).encode()
    tokens, _ = watched(provider)
    with pytest.raises(TokenRefused, match="1024 bits"):
        verify(tokens, provider.token(RSA))


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:1", "https://login.acme.example", ""])
def test_a_discovery_document_of_another_issuer_is_refused(issuer: str, provider: Provider) -> None:
    tokens, _ = watched(provider)
    provider.discovered_issuer = issuer or f"{provider.url}/"
    with pytest.raises(TokenRefused, match="another issuer"):
        verify(tokens, provider.token())
    assert replace(provider, discovered_issuer=None).discovery()


def test_an_issuer_that_redirects_is_not_followed(provider: Provider) -> None:
    tokens, _ = watched(provider)
    tokens.keys[
        provider.url
    ].source = f"{provider.url}/authorize?code_challenge_method=S256&redirect_uri=http://localhost:1&state=x"
    with pytest.raises(TokenRefused, match="302"):
        verify(tokens, provider.token())
