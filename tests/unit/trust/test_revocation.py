"""The revocation list: exact digests and signers from a moment on, damaged lists stop everything."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.revocation import Revocations
from theodore_loader.trust.signatures import Signer

DIGEST = "a" * 64
STAMP = "2026-11-01T00:00:00Z"
SIGNER = Signer("acme", "https://issuer", "https://me", 1, datetime(2026, 11, 10, tzinfo=UTC))
WHY = {"action": "block-load", "reason": "stolen key", "url": "https://example.com/1"}
BY_DIGEST = {"sha256": DIGEST, **WHY}
BY_SIGNER = {"root": "acme", "issuer": "https://issuer", "identity": "https://me", "from": STAMP, **WHY}


def listed(folder: Path, *entries: dict[str, Any], **changes: Any) -> Revocations:
    document = {"schema": 1, "sequence": 4, "issued": STAMP, "entries": list(entries), **changes}
    path = folder / "revocations.json"
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    folder.chmod(0o700)
    return Revocations.beside(folder / "trust.toml")


def test_no_list_is_said_to_be_none(tmp_path: Path) -> None:
    assert "no revocation list" in Revocations.beside(tmp_path / "trust.toml").check(DIGEST, [SIGNER])


def test_what_is_listed_is_refused_with_reason_and_address(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"stolen key \(https://example.com/1\)") as refusal:
        listed(tmp_path, BY_DIGEST).check(DIGEST, [])
    assert refusal.value.rule == "revoked"
    with pytest.raises(Refused, match="stolen key"):
        listed(tmp_path, BY_SIGNER).check("b" * 64, [SIGNER])


@pytest.mark.parametrize("field", ["root", "issuer", "identity"])
def test_another_signer_is_not_meant(tmp_path: Path, field: str) -> None:
    assert "not among 1" in listed(tmp_path, {**BY_SIGNER, field: "other"}).check("b" * 64, [SIGNER])


def test_signatures_before_the_moment_stay_good_and_undated_ones_do_not(tmp_path: Path) -> None:
    revocations = listed(tmp_path, BY_SIGNER)
    early = Signer("acme", "https://issuer", "https://me", 1, datetime(2026, 10, 1, tzinfo=UTC))
    assert "not among" in revocations.check("b" * 64, [early])
    with pytest.raises(Refused):
        revocations.check("b" * 64, [Signer("acme", "https://issuer", "https://me", 1, None)])


def test_a_warning_is_said_and_does_not_refuse(tmp_path: Path) -> None:
    said = listed(tmp_path, {**BY_DIGEST, "action": "warn"}).check(DIGEST, [])
    assert "list 4" in said
    assert "warning: stolen key" in said


@pytest.mark.parametrize(
    "entries",
    [
        [{"sha256": DIGEST}],
        [{**BY_DIGEST, "action": "allow"}],
        [{**BY_DIGEST, "name": "acme-hello"}],
        [{**BY_DIGEST, **BY_SIGNER}],
        [WHY],
        [{key: value for key, value in BY_SIGNER.items() if key != "from"}],
        [{**BY_SIGNER, "from": "2026-11-01T00:00:00"}],
        "none",
    ],
)
def test_a_list_that_is_not_understood_stops_everything(tmp_path: Path, entries: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="is damaged"):
        listed(tmp_path, entries=entries)


def test_a_list_that_others_can_write_stops_everything(tmp_path: Path) -> None:
    listed(tmp_path)
    (tmp_path / "revocations.json").chmod(0o666)
    with pytest.raises(ConfigurationProblem, match="can be written by other users"):
        Revocations.beside(tmp_path / "trust.toml")
