"""The contract with sigstore: its unmodified library and command line sign and verify with our instance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_plugin.signing.enrol import export
from theodore_plugin.signing.local.instance import ISSUER
from theodore_plugin.signing.local.server import serving


def sigstore(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sigstore", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def trust_config(bench, tmp_path: Path) -> Path:
    export(bench.instance.instance, tmp_path / "exported")
    return tmp_path / "exported" / "trust_config.json"


def verify_identity(trust_config: Path, wheel: Path, identity: str) -> subprocess.CompletedProcess[str]:
    return sigstore(
        "--trust-config", trust_config, "verify", "identity", "--offline",
        "--cert-identity", identity, "--cert-oidc-issuer", ISSUER, wheel,
    )  # fmt: skip


def test_the_library_verifies_the_wheel_against_the_exported_root(bench, trust_config: Path) -> None:
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy

    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(trust_config.with_name("trusted_root.json"))))
    signer = policy.Identity(identity=bench.instance.identity, issuer=ISSUER)
    verifier.verify_artifact(bench.data, Bundle.from_json(bench.bundle), signer)
    assert list(bench.lines) == ["provenance", "verdict", "vulnerabilities", "SBOM reference"]
    for line in bench.lines.values():
        payload_type, payload = verifier.verify_dsse(Bundle.from_json(line), signer)
        assert payload_type == "application/vnd.in-toto+json"
        assert json.loads(payload)["subject"][0]["digest"]["sha256"] == bench.wheel.sha256


def test_the_command_line_verifies_the_wheel_offline(bench, trust_config: Path) -> None:
    result = verify_identity(trust_config, bench.path, bench.instance.identity)
    assert result.returncode == 0, result.stderr
    assert "OK:" in result.stdout + result.stderr


def test_the_command_line_refuses_changed_bytes_and_another_identity(bench, trust_config: Path, tmp_path) -> None:
    changed = tmp_path / bench.filename
    changed.write_bytes(bench.data[:-1] + b"\x01")
    changed.with_name(bench.filename + ".sigstore.json").write_bytes(bench.bundle)
    assert verify_identity(trust_config, changed, bench.instance.identity).returncode != 0
    assert verify_identity(trust_config, bench.path, bench.instance.identity + "0").returncode != 0


def test_the_command_line_signs_with_a_served_instance(workshop, tmp_path: Path, monkeypatch) -> None:
    from datetime import UTC, datetime

    instance = workshop.instance().instance
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    artifact = tmp_path / "artifact.txt"
    artifact.write_text("hello")
    service = instance.service()
    with serving(service) as endpoint:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(instance.trust_config(endpoint.url)))
        token = service.mint.mint(instance.identity, datetime.now(UTC))
        signed = sigstore("--trust-config", config, "sign", "--identity-token", token, artifact)
    assert signed.returncode == 0, signed.stderr
    checked = verify_identity(config, artifact, instance.identity)
    assert checked.returncode == 0, checked.stderr
