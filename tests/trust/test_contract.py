"""The contract with sigstore: its unmodified libraries and command line sign and verify with our instance."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from oidc_provider import Provider, providing
from team_service import ISSUER_KEYS, serving_team

from theodore_plugin.cli import main
from theodore_plugin.signing.enrol import export
from theodore_plugin.signing.instances import Local
from theodore_plugin.signing.local import tokens
from theodore_plugin.signing.local.documents import RekorVersion
from theodore_plugin.signing.local.instance import ISSUER
from theodore_plugin.signing.local.server import serving

STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "artifact", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/predicate",
        "predicate": {},
    }
).encode()


def signed(instance: Local, data: bytes | None = None) -> str:
    """Sign ``data``, or a statement, with the unmodified library."""
    from sigstore.dsse import Statement

    with instance.signer() as signer:
        return (signer.sign_dsse(Statement(STATEMENT)) if data is None else signer.sign_artifact(data)).to_json()


def sigstore(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sigstore", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


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


def test_the_command_line_verifies_every_statement(bench, trust_config: Path, tmp_path: Path) -> None:
    for number, line in enumerate(bench.lines.values()):
        bundle = tmp_path / f"{number}.json"
        bundle.write_bytes(line)
        result = sigstore(
            "--trust-config", trust_config, "verify", "identity", "--offline", "--bundle", bundle,
            "--cert-identity", bench.instance.identity, "--cert-oidc-issuer", ISSUER, bench.path,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr


def test_the_command_line_refuses_changed_bytes_and_another_identity(bench, trust_config: Path, tmp_path) -> None:
    changed = tmp_path / bench.filename
    changed.write_bytes(bench.data[:-1] + b"\x01")
    changed.with_name(bench.filename + ".sigstore.json").write_bytes(bench.bundle)
    assert verify_identity(trust_config, changed, bench.instance.identity).returncode != 0
    assert verify_identity(trust_config, bench.path, bench.instance.identity + "0").returncode != 0


@pytest.mark.parametrize("rekor", [1, pytest.param(2, marks=pytest.mark.thorough)])
def test_the_command_line_signs_with_a_served_instance(
    rekor: RekorVersion, workshop, tmp_path: Path, monkeypatch
) -> None:
    instance = workshop.instance().instance
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(tokens, "LIFETIME", timedelta(minutes=5))  # on a busy machine it takes its time to start
    artifact = tmp_path / "artifact.txt"
    artifact.write_text("hello")
    service = instance.service()
    with serving(service) as endpoint:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(instance.trust_config(endpoint.url, rekor)))
        token = service.mint.mint(instance.identity, datetime.now(UTC))
        made = sigstore("--trust-config", config, "sign", "--identity-token", token, artifact)
    assert made.returncode == 0, made.stderr
    bundle = artifact.with_name("artifact.txt.sigstore.json")
    material = json.loads(bundle.read_bytes())["verificationMaterial"]
    assert material["tlogEntries"][0]["kindVersion"]["version"] == f"0.0.{rekor}"
    assert len(material["timestampVerificationData"]["rfc3161Timestamps"]) == rekor - 1
    checked = verify_identity(config, artifact, instance.identity)
    assert checked.returncode == 0, checked.stderr
    artifact.write_text("hellO")
    assert verify_identity(config, artifact, instance.identity).returncode != 0


@pytest.mark.parametrize("rekor", [1, 2])
def test_the_library_signs_statements_and_refuses_them_once_touched(rekor: RekorVersion, workshop, bench) -> None:
    from sigstore.errors import Error
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy

    own = Local(replace(workshop.instance().instance, rekor=rekor))
    document = json.loads(signed(own))
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(own.instance.trusted_root_path)))
    signer = policy.Identity(identity=own.identity, issuer=ISSUER)
    assert verifier.verify_dsse(Bundle.from_json(json.dumps(document)), signer)[1] == STATEMENT
    document["dsseEnvelope"]["payload"] = base64.b64encode(STATEMENT + b" ").decode()
    with pytest.raises(Error):
        verifier.verify_dsse(Bundle.from_json(json.dumps(document)), signer)


def test_the_command_that_export_prints_verifies_the_wheel(bench, tmp_path: Path, capsys) -> None:
    assert main(["trust", "export", str(tmp_path / "handed-over")]) == 0
    printed = next(line for line in capsys.readouterr().out.splitlines() if "sigstore --trust-config" in line)
    assert "--offline" in printed
    _, *arguments = shlex.split(printed.replace("WHEEL", str(bench.path)))
    result = sigstore(*arguments)
    assert result.returncode == 0, result.stderr
    assert "OK:" in result.stdout + result.stderr


# --- sigstore-js


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of sigstore-js from the npm registry, in a folder of their own."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not here")
    folder = tmp_path_factory.mktemp("sigstore-js")
    wanted = ("@sigstore/sign@4", "@sigstore/verify@3", "@sigstore/bundle@4", "@sigstore/protobuf-specs@0.5")
    options = ("--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0")
    try:
        ended = subprocess.run([npm, "install", *options, *wanted], capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer in time")
    if ended.returncode:
        pytest.skip("the npm registry cannot be reached")
    return folder / "node_modules"


def sigstore_js(packages: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("sigstore_js.cjs")
    environment = {**os.environ, "NODE_PATH": str(packages), "NO_PROXY": "127.0.0.1"}
    command = ["node", str(script), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.registry
@pytest.mark.parametrize("rekor", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_sigstore_js_signs_and_verifies(
    rekor: RekorVersion, packages: Path, workshop, bench, tmp_path: Path, monkeypatch
) -> None:
    from theodore_loader.trust.bundles import parse_bundle
    from theodore_loader.trust.signatures import Signatures
    from theodore_loader.trust.trust_file import SignerRule

    instance = workshop.instance().instance
    root = instance.trusted_root_path

    def verified(artifact: Path, *bundles: Path) -> subprocess.CompletedProcess[str]:
        return sigstore_js(packages, "verify", root, artifact, instance.identity, ISSUER, *bundles)

    ours = tmp_path / "ours.json"
    ours.write_text(signed(Local(replace(instance, rekor=rekor)), bench.data))
    checked = verified(bench.path, ours)
    assert checked.returncode == 0, checked.stderr
    service = instance.service()
    monkeypatch.setattr(tokens, "LIFETIME", timedelta(minutes=5))
    with serving(service) as endpoint:
        minted = [service.mint.mint(instance.identity, datetime.now(UTC)) for _ in range(2)]
        made = sigstore_js(packages, "sign", endpoint.url, *minted, bench.path, str(rekor))
    assert made.returncode == 0, (made.stderr, endpoint.problems)
    theirs = [tmp_path / "artifact.json", tmp_path / "statement.json"]
    for path, line in zip(theirs, made.stdout.splitlines(), strict=True):
        path.write_text(line)
    checked = verified(bench.path, *theirs)
    assert checked.returncode == 0, checked.stderr
    rule = SignerRule("local", ISSUER, instance.identity)
    by_us = Signatures(bench.trust.roots).artifact(bench.data, parse_bundle(theirs[0].read_bytes()), rule)
    assert by_us.identity == instance.identity
    changed = tmp_path / "changed.whl"
    changed.write_bytes(bench.data + b"x")
    for bundle in (ours, theirs[0]):
        assert verified(changed, bundle).returncode == 1


@pytest.mark.registry
@pytest.mark.parametrize("rekor", ["1", pytest.param("2", marks=pytest.mark.thorough)])
def test_sigstore_js_signs_by_a_teams_service(rekor: str, packages: Path, bench, tmp_path: Path) -> None:
    with (
        providing(Provider()) as provider,
        serving_team(tmp_path / "home", {"issuer": provider.url, **ISSUER_KEYS}) as team,
    ):
        given = [provider.token() for _ in range(2)]
        made = sigstore_js(packages, "sign", team.url, *given, bench.path, rekor)
        assert made.returncode == 0, (made.stderr, team.journal)
        root = tmp_path / "root.json"
        root.write_text(json.dumps(team.get("/trusted-root.json")[1]))
    bundle = tmp_path / "artifact.json"
    bundle.write_text(made.stdout.splitlines()[0])
    for identity, expected in (("jo@acme.example", 0), ("eve@acme.example", 1)):
        checked = sigstore_js(packages, "verify", root, bench.path, identity, provider.url, bundle)
        assert checked.returncode == expected, checked.stderr
