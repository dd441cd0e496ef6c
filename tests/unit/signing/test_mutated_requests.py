"""Requests and exports spoilt at random: each is taken as it is, or refused by the one error that has a reason."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from campaign import mutants

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.signing.enrol import exported
from theodore_plugin.signing.exchange import read_exported
from theodore_plugin.signing.local.instance import LocalInstance, open_or_create
from theodore_plugin.signing.local.service import RejectedError

TOKEN = "a.eyJzdWIiOiAieCJ9.c"
ODD: tuple[Any, ...] = (None, 5, -1, 1.5, "", [], {}, True, "AAAA", "é", "\ud800", [[]], {"a": 1}, "x" * 1000)
KEY_REQUEST = {
    "credentials": {"oidcIdentityToken": TOKEN},
    "publicKeyRequest": {
        "publicKey": {"algorithm": "ECDSA", "content": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"},
        "proofOfPossession": "AAAA",
    },
}
TIMESTAMP = {"artifactHash": "AAAA", "hashAlgorithm": "sha256", "nonce": 1, "certificates": True}
ENTRY_V1 = {
    "kind": "hashedrekord",
    "apiVersion": "0.0.1",
    "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": "00"}},
        "signature": {"content": "AA==", "publicKey": {"content": "AA=="}},
    },
}


def spoilt(value: Any, random: Random) -> Any:
    """Put something odd in one place of a JSON value, or leave a key out."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(sorted(value))
        rest = {name: item for name, item in value.items() if name != key}
        return rest if random.random() < 0.2 else {**rest, key: spoilt(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.7:
        return [spoilt(value[0], random), *value[1:], *random.choice(([], value))]
    return random.choice(ODD)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> LocalInstance:
    return open_or_create("default", tmp_path_factory.mktemp("mutated"))


@pytest.mark.parametrize("kind", ["entry-v1", "entry-v2", "dsse-v2", "key", "timestamp"])
def test_a_spoilt_request_is_answered_with_a_reason(kind: str, instance: LocalInstance, signed_entry) -> None:
    service, random = instance.service(), Random(kind)
    entry = json.loads(signed_entry(instance, b"hello"))
    signature = entry["hashedRekordRequestV002"]["signature"]
    envelope = {"payload": "aGk=", "payloadType": "x", "signatures": [{"sig": signature["content"]}]}
    body, answer = {
        "entry-v1": (ENTRY_V1, service.log_entry),
        "entry-v2": (entry, service.log_entry_v2),
        "dsse-v2": (
            {"dsseRequestV002": {"envelope": envelope, "verifiers": [signature["verifier"]]}},
            service.log_entry_v2,
        ),
        "key": (KEY_REQUEST, lambda data: service.signing_certificate(TOKEN, data)),
        "timestamp": (TIMESTAMP, service.timestamp),
    }[kind]
    refusals = []
    for _ in range(mutants(150)):
        try:
            answer(json.dumps(spoilt(body, random)).encode())
        except RejectedError as rejected:
            refusals.append(rejected.status)
    assert refusals
    assert set(refusals) <= {400, 401}


def test_a_spoilt_export_is_refused_or_has_its_old_fingerprint(instance: LocalInstance, tmp_path: Path) -> None:
    original, random = exported(instance), Random("export")
    document, place = json.loads(original.to_json()), tmp_path / "spoilt.json"
    for _ in range(mutants(150)):
        place.write_text(json.dumps(spoilt(document, random)))
        with suppress(ConfigurationProblem):
            assert read_exported(place) == original
