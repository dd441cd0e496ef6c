"""Signing as its users do it: at once, interrupted, behind proxies, with a private instance, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem, LoaderError
from theodore_loader.trust.files import attestations_path, bundle_path, sbom_path
from theodore_loader.trust.statements import read_statement, read_verdict
from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.report.model import ScannerRun, SelectionLabel
from theodore_plugin.signing import instances
from theodore_plugin.signing.attest import verdict_of
from theodore_plugin.signing.instances import SigningError
from theodore_plugin.signing.local.merkle import leaf_hash, pair_hash, verify_consistency
from theodore_plugin.signing.local.server import serving
from theodore_plugin.signing.sign import NotSigned, sign

SIGN_MANY = """
import sys
from pathlib import Path
from theodore_plugin.signing.instances import local
signing, folder, count = local("default", Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
import sigstore.sign
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    with signing.signer() as signer:
        bundle = signer.sign_artifact(f"{folder.name} {number}".encode())
    (folder / f"{number}.json").write_text(bundle.to_json())
"""


def test_four_processes_sign_at_once_and_one_log_holds_every_entry(workshop, tmp_path: Path) -> None:
    home = tmp_path / "home"  # not there yet: the processes also race to create the instance
    folders = [tmp_path / f"signer{number}" for number in range(4)]
    processes = []
    for folder in folders:
        folder.mkdir()
        command = [sys.executable, "-c", SIGN_MANY, str(home), str(folder), "5"]
        processes.append(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    for process in processes:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    bundles = [json.loads(path.read_text()) for folder in folders for path in folder.glob("*.json")]
    entries = [bundle["verificationMaterial"]["tlogEntries"][0] for bundle in bundles]
    assert sorted(int(entry["logIndex"]) for entry in entries) == list(range(20))
    log = instances.local("default", home).instance.log
    assert log.head("rekor").size == log.head("ct").size == 20


def test_every_signature_verifies_after_signing_at_once(workshop, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier, policy

    from theodore_plugin.signing.local.instance import ISSUER

    signing = instances.local("threads", tmp_path)
    service = signing.instance.service()
    from sigstore.models import ClientTrustConfig

    def one(number: int) -> tuple[bytes, Bundle]:
        data = str(number).encode()
        with instances._sigstore_signer(config, service.mint.mint(signing.identity, datetime.now(UTC))) as signer:
            return data, signer.sign_artifact(data)

    with serving(service) as endpoint, instances._environment(instances._LOOPBACK_ENVIRONMENT):
        config = ClientTrustConfig.from_json(json.dumps(signing.instance.trust_config(endpoint.url)))
        with ThreadPoolExecutor(4) as pool:
            signed = list(pool.map(one, range(24)))
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(signing.instance.trusted_root_path)))
    for data, bundle in signed:
        verifier.verify_artifact(data, bundle, policy.Identity(identity=signing.identity, issuer=ISSUER))


def test_the_log_stays_consistent_with_every_earlier_checkpoint(workshop, tmp_path: Path) -> None:
    signing = instances.local("consistent", tmp_path)
    log = signing.instance.log
    heads = [log.head("rekor")]
    for number in range(6):
        with signing.signer() as signer:
            signer.sign_artifact(str(number).encode())
        heads.append(log.head("rekor"))
    for old in heads[1:]:
        for new in heads[1:]:
            if old.size <= new.size:
                proof = log.consistency("rekor", old.size, new.size)
                assert verify_consistency(old.size, new.size, old.root, new.root, proof)
    bodies = log.bodies("rekor")
    assert pair_hash(leaf_hash(bodies[0]), leaf_hash(bodies[1])) == heads[2].root


SIGN_ONE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
import importlib.util
spec = importlib.util.spec_from_file_location("workshop", sys.argv[4])
workshop = sys.modules["workshop"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(workshop)
import sigstore.sign
shop = workshop.Workshop(Path(sys.argv[1]), workshop.load_policy("default"))
path = Path(sys.argv[2])
wheel = workshop.Wheel.read(path.read_bytes(), path.name)
print("ready", flush=True)
while True:
    shop.sign(path, wheel)
    print("signed", flush=True)
    Path(sys.argv[3]).touch()
"""


@pytest.mark.parametrize("delay_ms", [0, 5, 15, 30, 45, 60, 80, 110])
def test_a_killed_signing_leaves_whole_files_or_none(delay_ms: int, workshop, bench, tmp_path: Path) -> None:
    wheel = tmp_path / bench.filename
    wheel.write_bytes(bench.data)
    conftest = Path(__file__).with_name("conftest.py")
    command = [sys.executable, "-c", SIGN_ONE, *map(str, (workshop.home, wheel, tmp_path / "once", conftest))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay_ms / 1000)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    beside = {"bundle": bundle_path(wheel), "attestations": attestations_path(wheel)}
    # whatever is there is whole: it does for the wheel what the other signing's file does
    present = {name: path.read_bytes() for name, path in beside.items() if path.exists()}
    assert bench.verify(**present).verdict
    assert "attestations" in present or "bundle" not in present


def fail_in(folder: Path, problem: BaseException, monkeypatch) -> None:
    """Raise ``problem`` when a file in ``folder`` is flushed; the instance's own files are written as ever."""
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent == folder:
            raise problem
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_an_interrupted_signing_leaves_nothing(workshop, bench, tmp_path: Path, monkeypatch) -> None:
    wheel = tmp_path / bench.filename
    wheel.write_bytes(bench.data)

    fail_in(tmp_path, KeyboardInterrupt(), monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        workshop.sign(wheel, bench.wheel)
    assert [path.name for path in tmp_path.iterdir()] == [bench.filename]


def test_a_full_disk_is_named_with_its_file_and_leaves_nothing(workshop, bench, tmp_path: Path, monkeypatch) -> None:
    wheel = tmp_path / bench.filename
    wheel.write_bytes(bench.data)

    fail_in(tmp_path, OSError(28, "No space left on device"), monkeypatch)
    with pytest.raises(OSError, match="No space left") as problem:
        workshop.sign(wheel, bench.wheel)
    assert problem.value.filename == str(sbom_path(wheel))
    assert [path.name for path in tmp_path.iterdir()] == [bench.filename]


def test_signing_again_replaces_both_files(workshop, bench, tmp_path: Path) -> None:
    wheel = tmp_path / bench.filename
    wheel.write_bytes(bench.data)
    first = workshop.sign(wheel, bench.wheel)
    before = first.bundle.read_bytes()
    second = workshop.sign(wheel, bench.wheel)
    assert second.bundle.read_bytes() != before
    assert second.log_index > max(one.log_index for one in first.statements)
    assert bench.verify(bundle=second.bundle.read_bytes(), attestations=second.attestations.read_bytes()).verdict


def failing(report):
    finding = Finding("missing-method", Severity.ERROR, Confidence.HIGH, Location("a.py"), "no scrape_content")
    return replace(report, findings=(finding,))


def incomplete(report):
    finding = Finding("analyzer-failed", Severity.INCOMPLETE, Confidence.HIGH, Location("a.py"), "mypy crashed")
    return replace(report, findings=(finding,))


@pytest.mark.parametrize("spoil", [failing, incomplete])
def test_a_wheel_that_did_not_pass_is_not_signed(spoil, workshop, bench, reports, tmp_path: Path) -> None:
    wheel = tmp_path / bench.filename
    with pytest.raises(NotSigned):
        sign(wheel, bench.wheel, spoil(reports(bench.wheel)), bench.policy, bench.instance)
    assert list(tmp_path.iterdir()) == []


def test_a_report_about_other_bytes_is_not_signed(bench, reports, tmp_path: Path) -> None:
    report = reports(bench.wheel)
    other = replace(report, project=replace(report.project, sha256="0" * 64))
    with pytest.raises(LoaderError, match="changed while it was checked"):
        sign(tmp_path / bench.filename, bench.wheel, other, bench.policy, bench.instance)


@pytest.mark.parametrize(
    "part",
    [{"selection": SelectionLabel(("--ignore weak-crypto",), 0, 0)}, {"baselined": True}],
    ids=["selected rules", "baseline"],
)
def test_nothing_is_signed_on_a_part_of_what_was_found(bench, reports, tmp_path: Path, part) -> None:
    finding = Finding("weak-crypto", Severity.WARNING, Confidence.HIGH, Location("a.py"), "md5")
    changes = {"baselined": (finding,)} if "baselined" in part else part
    report = replace(reports(bench.wheel), **changes)
    with pytest.raises(LoaderError, match="not over everything that was found"):
        sign(tmp_path / bench.filename, bench.wheel, report, bench.policy, bench.instance)
    with pytest.raises(ValueError, match="has no verdict to sign"):
        verdict_of(report, bench.policy, "urn:x", datetime.now(UTC))
    assert list(tmp_path.iterdir()) == []


def test_the_verdict_says_what_did_not_run(bench, reports) -> None:
    report = reports(bench.wheel)
    skipped = ScannerRun("mypy", "1.0", "failed", 0.0, "not installed")
    empty = ScannerRun("bandit", "1.0", "skipped", 0.0, "no Python files")
    policy = replace(bench.policy, scanners={**bench.policy.scanners, "mypy": bench.policy.scanner("mypy")})
    coverage = Coverage.account("mypy", ["a.py"], [Covered("a.py", State.FAILED, "not installed")])
    changed = replace(report, scanners=(skipped, empty), coverage=(*report.coverage, coverage))
    verdict = verdict_of(changed, policy, "urn:x", datetime.now(UTC))
    statuses = {check.name: check.status for check in verdict.extension.checks}
    assert statuses == {"mypy": "skipped", "bandit": "empty"}
    assert verdict.extension.skipped == ["mypy: not installed"]
    assert verdict.extension.sandbox == "none"
    assert verdict.extension.coverage[-1].failed == 1


def test_a_check_that_started_no_tool_does_not_weaken_the_sandbox(bench, reports) -> None:
    report = reports(bench.wheel)
    idle = ScannerRun("pip-audit", "1.0", "ok", 0.0, "no dependencies: nothing to audit")
    bare = ScannerRun("own", "1.0", "ok", 0.1, sandbox="none")
    for scanners, weakest in (((*report.scanners, idle), "standard"), ((*report.scanners, bare), "none")):
        verdict = verdict_of(replace(report, scanners=scanners), bench.policy, "urn:x", datetime.now(UTC))
        assert verdict.extension.sandbox == weakest


def test_a_private_instance_signs_through_its_trust_config(workshop, bench, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = workshop.instance("organisation").instance
    service = served.service()
    with serving(service) as endpoint:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(served.trust_config(endpoint.url)))
        token = service.mint.mint("https://ci.example.com/acme/hello", datetime.now(UTC))
        private = instances.private(config, token)
        wheel = tmp_path / bench.filename
        wheel.write_bytes(bench.data)
        signed = workshop.sign(wheel, bench.wheel, private)
    assert signed.identity == "https://ci.example.com/acme/hello"
    assert private.verifier_id == signed.identity
    assert token not in repr(private)
    from theodore_loader.trust.trust_file import Publisher, Root, SignerRule, Verifier

    root = Root("acme", "", served.trusted_root_path.read_bytes())
    signer = SignerRule("acme", service.mint.issuer, "https://ci.example.com/acme/*")
    trust = replace(
        bench.trust,
        roots={"acme": root},
        publishers=(Publisher(("acme-*",), signer),),
        verifiers=(Verifier(private.verifier_id, signer, frozenset({bench.policy.digest})),),
    )
    verified = bench.verify(
        bundle=signed.bundle.read_bytes(), attestations=signed.attestations.read_bytes(), trust=trust
    )
    assert verified.publisher.identity == signed.identity


def test_the_private_instance_refuses_a_used_token_and_nothing_is_written(
    workshop, bench, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = workshop.instance("organisation").instance
    service = served.service()
    with serving(service) as endpoint:
        config = tmp_path / "config.json"
        config.write_text(json.dumps(served.trust_config(endpoint.url)))
        token = service.mint.mint("https://ci.example.com/acme", datetime.now(UTC))
        service.mint.redeem(token, datetime.now(UTC))
        with pytest.raises(SigningError, match="signing failed"):
            workshop.sign(tmp_path / bench.filename, bench.wheel, instances.private(config, token))
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"mediaType": "x"}'])
def test_a_file_that_is_no_trust_config_is_a_usage_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ConfigurationProblem, match=r"config\.json"):
        instances.private(path, "token")


def test_a_missing_trust_config_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="No such file"):
        instances.private(tmp_path / "absent.json", "token")


def test_without_ambient_identity_the_public_instance_says_what_to_do(monkeypatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "ACTIONS_", "GITLAB_", "BUILDKITE", "CIRCLE", "SIGSTORE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    import id as ambient

    monkeypatch.setattr(ambient, "detect_credential", lambda client_id: None)
    with pytest.raises(SigningError) as failure:
        instances.public(None)
    assert "--identity-token" in failure.value.help


def test_proxies_and_netrc_do_not_come_between(workshop, bench, tmp_path: Path, monkeypatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    (tmp_path / "wheel").mkdir()
    assert workshop.sign(tmp_path / "wheel" / bench.filename, bench.wheel).sha256 == bench.wheel.sha256
    assert os.environ["NETRC"] == str(netrc)
    assert "NO_PROXY" not in os.environ


def test_of_threads_that_sign_at_once_the_last_one_restores_the_environment(monkeypatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("NETRC", "mine")
    first, second = ExitStack(), ExitStack()
    for one in (first, second):
        one.enter_context(instances._environment(instances._LOOPBACK_ENVIRONMENT))
    first.close()
    assert (os.environ["NO_PROXY"], os.environ["NETRC"]) == ("127.0.0.1", os.devnull)
    second.close()
    assert (os.environ.get("NO_PROXY"), os.environ["NETRC"]) == (None, "mine")


def test_a_damaged_log_is_named_and_nothing_is_written(workshop, bench, tmp_path: Path) -> None:
    signing = instances.local("damaged", tmp_path / "home")
    (signing.instance.folder / "log.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationProblem, match="transparency log"):
        workshop.sign(tmp_path / bench.filename, bench.wheel, signing)
    assert not bundle_path(tmp_path / bench.filename).exists()


def test_the_signed_statement_is_the_one_the_loader_reads(bench) -> None:
    import base64

    payload = base64.b64decode(json.loads(bench.lines["verdict"])["dsseEnvelope"]["payload"])
    verdict = read_verdict(read_statement(payload))
    assert verdict.policy.digest.sha256 == bench.policy.digest
    assert verdict.extension.permissions.declared == ["network api.example.com:443"]
