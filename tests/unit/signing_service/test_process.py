"""The service as a process: many signers at once, and ends of every kind, without a promise being broken."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy
from team_service import ISSUER_KEYS, Process, csr, entry_for, process_of_team

from theodore_plugin.signing.local.instance import open_or_create

if TYPE_CHECKING:
    from oidc_provider import Provider

LIMITS = {"certificates_per_minute": 10_000, "entries_per_minute": 10_000, "requests_per_minute": 100_000}
SIGNERS = 50


def issuer_of(provider: Provider) -> dict[str, Any]:
    return {"issuer": provider.url, **ISSUER_KEYS}


def sign(config: ClientTrustConfig, provider: Provider, number: int):
    token = IdentityToken(provider.token(email=f"p{number}@acme.example"))
    with SigningContext.from_trust_config(config).signer(token) as signer:
        return signer.sign_artifact(f"wheel {number}".encode())


def test_fifty_people_sign_at_once_and_sigterm_loses_nothing(provider: Provider, tmp_path: Path) -> None:
    with process_of_team(tmp_path / "home", issuer_of(provider), LIMITS) as service:
        config = ClientTrustConfig.from_json(json.dumps(service.client().get("/trust-config.json")[1]))
        with ThreadPoolExecutor(SIGNERS) as pool:
            bundles = list(pool.map(lambda number: sign(config, provider, number), range(SIGNERS)))
        assert service.end(signal.SIGTERM) == 0
        assert service.journal[-1]["event"] == "stopped"
    verifier = Verifier(trusted_root=config.trusted_root)
    for number, bundle in enumerate(bundles):
        identity = policy.Identity(identity=f"p{number}@acme.example", issuer=provider.url)
        verifier.verify_artifact(f"wheel {number}".encode(), bundle, identity)
    log = open_or_create("team", tmp_path / "home").log
    assert {log.head("rekor").size, log.head("ct").size} == {SIGNERS}
    logged = [line["log_index"] for line in service.journal if line["event"] == "entry"]
    assert sorted(logged) == list(range(SIGNERS))


def keep_signing(service: Process, provider: Provider, answered: list[tuple[str, dict[str, Any]]]) -> None:
    """Log entries until the service is gone, noting every one it promised."""
    client = service.client()
    with suppress(OSError, ValueError):
        while True:
            key = ec.generate_private_key(ec.SECP256R1())
            token = provider.token()
            status, answer = client.certificate(token, csr(key))
            if status != 201:
                return
            status, entry = client.post("/api/v1/log/entries", entry_for(answer, key))
            if status != 201:
                return
            answered.append((token, entry))


def test_kill_in_the_middle_breaks_no_promise(provider: Provider, tmp_path: Path) -> None:
    answered: list[tuple[str, dict[str, Any]]] = []
    with process_of_team(tmp_path / "home", issuer_of(provider), LIMITS) as service:
        threads = [threading.Thread(target=keep_signing, args=(service, provider, answered)) for _ in range(6)]
        for thread in threads:
            thread.start()
        while len(answered) < 20:
            assert any(thread.is_alive() for thread in threads)
        assert service.end(signal.SIGKILL) == -signal.SIGKILL
        for thread in threads:
            thread.join()
    log = open_or_create("team", tmp_path / "home").log
    for _, answer in answered:
        ((_, entry),) = answer.items()
        assert log.entry("rekor", entry["logIndex"]).body == base64.b64decode(entry["body"])
    assert log.head("ct").size >= log.head("rekor").size >= len(answered)
    with process_of_team(tmp_path / "home", {}) as again:
        client = again.client()
        assert client.certificate(answered[0][0])[0] == 401
        assert client.certificate(provider.token())[0] == 201
        first, last = 1, client.get("/api/v1/log")[1]["treeSize"]
        assert client.get(f"/api/v1/log/proof?firstSize={first}&lastSize={last}")[0] == 200
        assert again.end(signal.SIGINT) == 0


def test_a_record_of_tokens_that_is_damaged_stops_the_start(provider: Provider, tmp_path: Path) -> None:
    from theodore_loader.errors import ConfigurationProblem
    from theodore_plugin.signing.service.replays import Replays

    path = tmp_path / "used.sqlite3"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(ConfigurationProblem, match="record of used tokens"):
        Replays(path)
    path.unlink()
    replays = Replays(path)
    path.unlink()
    with pytest.raises((ConfigurationProblem, sqlite3.Error)):
        replays.first_use(b"x", 10, 1)
