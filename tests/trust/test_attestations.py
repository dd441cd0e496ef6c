"""The four statements beside a wheel: who makes them, when they are believed, and how a verifier adds its own."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy import load_policy
from theodore_loader.trust.attestations import split_lines
from theodore_loader.trust.files import attestations_path, bundle_path, sbom_path
from theodore_loader.trust.predicates import KINDS
from theodore_loader.trust.trust_file import LoaderRules, Publisher, Root, SignerRule, TrustFile, Verifier
from theodore_plugin.cli import main
from theodore_plugin.packaging.build_record import leave_record
from theodore_plugin.packaging.git_tree import GitTree
from theodore_plugin.signing.evidence import NOTHING_KNOWN, Background
from theodore_plugin.signing.local.instance import ISSUER
from theodore_plugin.signing.recheck import Attested, attest
from theodore_plugin.signing.sign import Signed, sign

LABELS = ["provenance", "verdict", "vulnerabilities", "SBOM reference"]


@pytest.fixture
def beside(bench, tmp_path: Path) -> Path:
    """A copy of the signed wheel with everything beside it."""
    path = tmp_path / bench.filename
    path.write_bytes(bench.data)
    bundle_path(path).write_bytes(bench.bundle)
    attestations_path(path).write_bytes(bench.attestations)
    sbom_path(path).write_bytes(bench.wheel.sbom)
    return path


def payload(line: bytes) -> dict:
    import base64

    return json.loads(base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"]))


# --- signing ---------------------------------------------------------------------------------------------------------


def test_one_certificate_signs_the_wheel_and_four_statements(bench) -> None:
    bundles = [json.loads(bench.bundle), *map(json.loads, bench.attestations.splitlines())]
    assert len({one["verificationMaterial"]["certificate"]["rawBytes"] for one in bundles}) == 1
    assert list(bench.lines) == LABELS


def test_the_verdict_names_the_other_three_by_what_they_say(bench) -> None:
    import base64
    import hashlib

    digests = {
        label: hashlib.sha256(base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"])).hexdigest()
        for label, line in bench.lines.items()
    }
    inputs = payload(bench.lines["verdict"])["predicate"]["inputAttestations"]
    assert {one["digest"]["sha256"] for one in inputs} == {digests[label] for label in LABELS if label != "verdict"}


def test_provenance_states_source_and_build_and_the_signer_as_builder(bench) -> None:
    provenance = payload(bench.lines["provenance"])["predicate"]
    definition = provenance["buildDefinition"]
    assert definition["externalParameters"]["source"] == {
        "uri": "git+https://github.com/acme/hello",
        "digest": {"gitCommit": "c" * 40},
    }
    assert [one["uri"] for one in definition["resolvedDependencies"]] == [
        f"git+https://github.com/acme/hello@{'c' * 40}",
        "pkg:pypi/hatchling@1.27.0",
    ]
    assert provenance["runDetails"]["builder"]["id"] == bench.instance.identity


def test_a_changed_tree_has_no_commit(workshop, bench, tmp_path: Path) -> None:
    path = tmp_path / bench.filename
    changed = GitTree("https://github.com/acme/hello", "c" * 40, "src/plugin.py")
    signed = workshop.sign(path, bench.wheel, tree=changed)
    stated = payload(signed.attestations.read_bytes().splitlines()[0])["predicate"]["buildDefinition"]
    assert stated["externalParameters"]["source"] == {
        "uri": "git+https://github.com/acme/hello",
        "dirty": {"gitCommit": "c" * 40},
    }
    assert [one["uri"] for one in stated["resolvedDependencies"]] == ["pkg:pypi/hatchling@1.27.0"]
    verified = bench.verify(bundle=signed.bundle.read_bytes(), attestations=signed.attestations.read_bytes())
    assert "with changes that are in no commit" in verified.steps[4].detail


def test_of_an_unknown_build_nothing_is_stated(bench, reports, tmp_path: Path) -> None:
    path = tmp_path / bench.filename
    signed = sign(path, bench.wheel, reports(bench.wheel), bench.policy, bench.instance, Background())
    assert [one.label for one in signed.statements] == LABELS[1:]
    verified = bench.verify(bundle=signed.bundle.read_bytes(), attestations=signed.attestations.read_bytes())
    assert "built from" not in verified.steps[4].detail


def test_packages_that_were_not_looked_up_are_no_clean_audit(bench, reports, tmp_path: Path) -> None:
    report = reports(bench.wheel)
    scanners = tuple(replace(run, status="failed") if run.name == "pip-audit" else run for run in report.scanners)
    path = tmp_path / bench.filename
    signed = sign(path, bench.wheel, replace(report, scanners=scanners), bench.policy, bench.instance)
    assert "vulnerabilities" not in [one.label for one in signed.statements]


def test_a_build_of_another_repository_than_the_wheel_names_is_not_signed(workshop, tmp_path: Path) -> None:
    path, wheel = workshop.write(tmp_path, homepage="https://github.com/acme/other")
    with pytest.raises(Refused) as refusal:
        workshop.sign(path, wheel)
    assert refusal.value.rule == "provenance-source-mismatch"
    assert list(tmp_path.iterdir()) == [path]


def test_the_sbom_lies_beside_the_wheel(workshop, bench, tmp_path: Path) -> None:
    signed = workshop.sign(tmp_path / bench.filename, bench.wheel)
    assert signed.sbom == tmp_path / "acme_hello-1.2.0.cdx.json"
    assert signed.sbom.read_bytes() == bench.wheel.sbom


# --- in what company statements are believed -------------------------------------------------------------------------


def shuffled(lines: list[bytes]) -> bytes:
    return b"\n".join(reversed(lines))


@pytest.mark.parametrize(
    "arranged",
    [
        shuffled,
        lambda lines: b"\n".join(lines * 2),
        lambda lines: b"\r\n".join(lines),
        lambda lines: b"\n\n \n".join(lines) + b"\n\n\n",
        lambda lines: b"\n".join(lines),
    ],
    ids=["reversed", "twice", "CRLF", "blank lines", "no last newline"],
)
def test_the_order_and_spacing_of_lines_mean_nothing(arranged: Callable, bench) -> None:
    verified = bench.verify(attestations=arranged(list(bench.lines.values())))
    assert sorted(one.kind.label for one in verified.attestations) == sorted(LABELS)


def test_what_strangers_state_is_left_aside(workshop, bench) -> None:
    rogue = workshop.instance("rogue")

    def lying(statement: dict) -> None:
        statement["predicate"]["buildDefinition"]["externalParameters"]["source"]["uri"] = "https://evil.example/x"

    lines = [bench.restate("provenance", lying, by=rogue).strip(), bench.attest(by=rogue).strip()]
    verified = bench.verify(attestations=b"\n".join([*lines, *bench.lines.values()]))
    assert len(verified.attestations) == 4


def test_a_host_can_demand_provenance_and_get_it(bench) -> None:
    demanding = replace(bench.trust, loader=LoaderRules(require_provenance=True))
    assert f"at commit {'c' * 40}" in bench.verify(trust=demanding).steps[4].detail


def test_require_provenance_is_read_from_the_trust_file(bench, tmp_path: Path) -> None:
    def trust(value: str) -> TrustFile:
        path = tmp_path / "trust.toml"
        path.write_text(f"schema = 1\n[loader]\nrequire_provenance = {value}\n")
        path.chmod(0o600)
        return TrustFile.load(path)

    tmp_path.chmod(0o700)
    assert trust("true").loader.require_provenance is True
    assert trust("false").loader.require_provenance is False
    for wrong in ("1", '"yes"', "[]"):
        with pytest.raises(ConfigurationProblem, match="require_provenance is true or false"):
            trust(wrong)


def test_provenance_of_a_public_builder_is_read_by_its_commit(bench) -> None:
    def elsewhere(statement: dict) -> None:
        statement["predicate"] = {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": {"ref": "refs/tags/v1", "path": ".github/workflows/release.yml"}},
                "internalParameters": {"github": {"event_name": "push"}},
                "resolvedDependencies": [
                    {"uri": "git+https://github.com/acme/hello@refs/tags/v1", "digest": {"gitCommit": "e" * 40}}
                ],
            },
            "runDetails": {"builder": {"id": "https://github.com/acme/hello/.github/workflows/release.yml@v1"}},
        }

    demanding = replace(bench.trust, loader=LoaderRules(require_provenance=True))
    verified = bench.verify(attestations=bench.restate("provenance", elsewhere) + bench.attest(), trust=demanding)
    assert f"at commit {'e' * 40}" in verified.steps[4].detail


@pytest.mark.parametrize(("certified", "rule"), [("hello", None), ("other", "provenance-source-mismatch")])
def test_provenance_is_held_against_what_the_issuer_vouched_for(certified: str, rule: str | None, bench) -> None:
    from contextlib import nullcontext

    from theodore_plugin.signing.instances import Local, _environment, _sigstore_signer
    from theodore_plugin.signing.local.server import serving
    from theodore_plugin.signing.local.tokens import Claims, Mint

    class Vouching(Mint):
        """An issuer that says of which repository the job is."""

        def redeem(self, token: str, now: datetime) -> Claims:
            statements = {"source_repository_uri": f"https://github.com/acme/{certified}"}
            return replace(super().redeem(token, now), statements=statements)

    class Job(Local):
        @contextmanager
        def signer(self):
            from sigstore.models import ClientTrustConfig

            service = replace(self.instance.service(), mint=Vouching(ISSUER))
            with serving(service) as endpoint, _environment({"NO_PROXY": "127.0.0.1"}):
                config = ClientTrustConfig.from_json(json.dumps(self.instance.trust_config(endpoint.url)))
                token = service.mint.mint(self.identity, datetime.now(UTC))
                with _sigstore_signer(config, token) as signer:
                    yield signer

    stated = bench.restate("provenance", by=Job(bench.instance.instance))
    with pytest.raises(Refused) if rule else nullcontext() as refusal:
        assert bench.verify(attestations=stated + bench.attest()).attestations[0].signer.claims
    if refusal is not None:
        assert refusal.value.rule == rule
        assert "certificate was issued to" in refusal.value.message


# --- another verifier ------------------------------------------------------------------------------------------------


@pytest.fixture
def recheck(workshop, bench, reports, beside: Path) -> Callable[..., Attested]:
    def check(name: str = "registry", policy: str = "default", trust: TrustFile = bench.trust) -> Attested:
        judged = load_policy(policy)
        report = reports(bench.wheel)
        report = replace(report, policy=replace(report.policy, name=judged.name, digest=judged.digest))
        return attest(beside, bench.wheel, report, judged, workshop.instance(name), trust)

    return check


def trusting(bench, registry) -> TrustFile:
    """A host that believes the publisher about publishing, and only the registry's checks."""
    root = Root("registry", "", registry.instance.trusted_root_path.read_bytes())
    signer = SignerRule("registry", ISSUER, registry.identity)
    publisher = bench.trust.publishers[0].signer
    return replace(
        bench.trust,
        roots={**bench.trust.roots, "registry": root},
        publishers=(Publisher(("acme-*",), publisher),),
        verifiers=(Verifier(registry.verifier_id, signer, frozenset({bench.policy.digest})),),
    )


def test_another_verifiers_verdict_is_enough_for_a_host_that_believes_it(workshop, bench, beside, recheck) -> None:
    trust = trusting(bench, workshop.instance("registry"))
    with pytest.raises(Refused) as refusal:
        bench.verify(trust=trust)
    assert refusal.value.rule == "signer-not-trusted"
    attested = recheck()
    assert attested.considered == ("provenance", "SBOM reference")
    verified = bench.verify(attestations=attestations_path(beside).read_bytes(), trust=trust)
    assert verified.verifier.root == "registry"
    assert sorted(one.kind.label for one in verified.attestations) == sorted(LABELS)


def test_everybody_elses_lines_stay_byte_for_byte(bench, beside, recheck) -> None:
    before = attestations_path(beside).read_bytes()
    recheck()
    after = attestations_path(beside).read_bytes()
    assert after.startswith(before)
    assert len(after.splitlines()) == 6
    assert bundle_path(beside).read_bytes() == bench.bundle
    assert bench.verify(attestations=after).verifier.root == "local"


def test_a_newer_verdict_replaces_ones_own_and_no_others(bench, beside, recheck) -> None:
    recheck()
    first = attestations_path(beside).read_bytes().splitlines()
    second = recheck()
    recheck("other")
    lines = attestations_path(beside).read_bytes().splitlines()
    assert (second.replaced, second.kept) == (2, 4)
    assert len(lines) == 8
    assert not set(first[4:]) & set(lines)
    assert set(first[:4]) <= set(lines)


def test_under_another_policy_a_verifier_has_another_verdict(beside, recheck) -> None:
    recheck()
    assert recheck(policy="strict").replaced == 0
    assert len(attestations_path(beside).read_bytes().splitlines()) == 8


def test_the_publishers_own_verdict_is_replaced_by_its_own_newer_one(workshop, bench, beside, recheck) -> None:
    attested = recheck("default")
    assert (attested.replaced, attested.kept) == (2, 2)
    assert bench.verify(attestations=attestations_path(beside).read_bytes()).verdict


def test_a_publisher_nobody_here_believes_is_not_rested_on(bench, beside, recheck) -> None:
    assert recheck(trust=replace(bench.trust, publishers=())).considered == ()


@pytest.mark.parametrize("data", [None, b"", b"\n \r\n"], ids=["no file", "empty", "blank"])
def test_a_wheel_without_statements_gets_the_first_ones(data: bytes | None, beside, recheck) -> None:
    attestations_path(beside).unlink()
    if data is not None:
        attestations_path(beside).write_bytes(data)
    attested = recheck()
    assert (attested.considered, attested.kept, len(attestations_path(beside).read_bytes().splitlines())) == ((), 0, 2)


def test_a_verdict_that_imitates_a_verifier_is_not_taken_for_its_own(workshop, bench, beside, recheck) -> None:
    registry = workshop.instance("registry").verifier_id
    forged = bench.restate("verdict", lambda s: s["predicate"]["verifier"].update(id=registry))
    attestations_path(beside).write_bytes(bench.attestations + forged)
    recheck()
    assert forged in attestations_path(beside).read_bytes()


@pytest.mark.parametrize(
    ("spoilt", "problem"),
    [
        (lambda data: data + b"garbage\n", "signature-invalid"),
        (lambda data: b"\xef\xbb\xbf" + data, "signature-invalid"),
        (lambda data: data * 9, "verdict-invalid"),
    ],
    ids=["garbage", "byte order mark", "too many"],
)
def test_a_file_no_host_would_read_is_not_added_to(spoilt: Callable, problem: str, bench, beside, recheck) -> None:
    data = spoilt(bench.attestations)
    attestations_path(beside).write_bytes(data)
    with pytest.raises(Refused) as refusal:
        recheck()
    assert refusal.value.rule == problem
    assert attestations_path(beside).read_bytes() == data


def test_no_more_lines_than_hosts_read(bench, beside, recheck) -> None:
    data = bench.attestations * 7 + b"\n".join(bench.attestations.splitlines()[:3])
    attestations_path(beside).write_bytes(data)
    with pytest.raises(ConfigurationProblem, match="would hold 33 attestations"):
        recheck()
    assert attestations_path(beside).read_bytes() == data


def test_verifiers_at_once_lose_nothing(workshop, bench, reports, beside, recheck) -> None:
    names = ["registry", "other", "third"]
    for name in names:
        workshop.instance(name)
    with ThreadPoolExecutor(3) as pool:
        assert len(list(pool.map(recheck, names))) == 3
    lines = attestations_path(beside).read_bytes().splitlines()
    verifiers = {payload(line)["predicate"].get("verifier", {}).get("id") for line in lines} - {None}
    assert len(verifiers) == 4


@pytest.mark.parametrize(("certain", "entries"), [(True, 1), (False, 2)])
def test_an_attestation_without_an_audit_is_one_log_entry_where_the_name_is_certain(
    workshop, bench, reports, beside, monkeypatch, certain: bool, entries: int
) -> None:
    registry = workshop.instance("registry")
    monkeypatch.setattr(type(registry), "is_certain", certain)
    report = reports(bench.wheel)
    report = replace(report, scanners=tuple(run for run in report.scanners if run.name != "pip-audit"))
    before = registry.instance.log.head("rekor").size
    attested = attest(beside, bench.wheel, report, bench.policy, registry, bench.trust)
    assert [one.label for one in attested.statements] == ["verdict"]
    assert registry.instance.log.head("rekor").size - before == entries
    (stated,) = attestations_path(beside).read_bytes().splitlines()[4:]
    assert payload(stated)["predicate"]["verifier"]["id"] == registry.verifier_id


# --- signing again ---------------------------------------------------------------------------------------------------


@pytest.fixture
def again(workshop, bench, reports, beside: Path, build_record) -> Callable[..., Signed]:
    """Sign the same bytes once more, as whoever is named, perhaps of another build or under another policy."""

    def again(name: str = "default", tree: GitTree | None = None, policy: str = "default") -> Signed:
        judged, report = load_policy(policy), reports(bench.wheel)
        report = replace(report, policy=replace(report.policy, name=judged.name, digest=judged.digest))
        background = Background(build=build_record(bench.wheel, tree)) if tree else NOTHING_KNOWN
        return sign(beside, bench.wheel, report, judged, workshop.instance(name), background)

    return again


@pytest.fixture
def build_record(workshop) -> Callable[..., Any]:
    import sys

    return sys.modules[type(workshop).__module__].build_record


def _kinds(path: Path) -> list[str]:
    found = [payload(line) for line in attestations_path(path).read_bytes().splitlines()]
    return sorted(KINDS[one["predicateType"]].label for one in found)


def test_signing_again_keeps_what_other_verifiers_state(workshop, bench, beside, recheck, again) -> None:
    recheck()
    others = attestations_path(beside).read_bytes().splitlines()[4:]
    signed = again()
    lines = attestations_path(beside).read_bytes().splitlines()
    assert set(others) <= set(lines)
    assert (signed.left_out, len(others)) == (0, 2)
    data, bundle = attestations_path(beside).read_bytes(), bundle_path(beside).read_bytes()
    assert bench.verify(attestations=data, bundle=bundle).verifier.root == "local"
    trust = trusting(bench, workshop.instance("registry"))
    assert bench.verify(attestations=data, bundle=bundle, trust=trust).verifier.root == "registry"


def test_signing_again_replaces_ones_own_of_the_same_kind_and_no_more(bench, beside, again) -> None:
    before = bench.lines
    signed = again()  # of a build that is not known: no provenance this time
    lines = attestations_path(beside).read_bytes().splitlines()
    assert _kinds(beside) == sorted(LABELS)
    assert before["provenance"] in lines
    assert not {before["verdict"], before["vulnerabilities"], before["SBOM reference"]} & set(lines)
    assert (signed.kept, signed.left_out) == (1, 0)
    again()
    assert len(attestations_path(beside).read_bytes().splitlines()) == 4


def test_a_verdict_that_stays_keeps_what_it_rests_on(workshop, bench, beside, recheck, again) -> None:
    recheck()
    again(tree=GitTree("https://github.com/acme/hello", "d" * 40, None))
    data, bundle = attestations_path(beside).read_bytes(), bundle_path(beside).read_bytes()
    assert bench.lines["provenance"] in data.splitlines()
    trust = trusting(bench, workshop.instance("registry"))
    assert bench.verify(attestations=data, bundle=bundle, trust=trust).verifier.root == "registry"
    assert bench.verify(attestations=data, bundle=bundle).verifier.root == "local"


def test_under_another_policy_ones_own_verdict_stays(bench, beside, again) -> None:
    again(policy="strict")
    assert _kinds(beside).count("verdict") == 2
    data, bundle = attestations_path(beside).read_bytes(), bundle_path(beside).read_bytes()
    assert bench.verify(attestations=data, bundle=bundle).verdict.policy.digest.sha256 == bench.policy.digest


def signature_of(document: dict) -> tuple[dict, str]:
    return document["dsseEnvelope"]["signatures"][0], "sig"


def promise_of(document: dict) -> tuple[dict, str]:
    return document["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"], "signedEntryTimestamp"


@pytest.mark.parametrize("part", [signature_of, promise_of])
def test_a_damaged_line_of_the_instance_that_signs_does_not_outlive_signing_again(part, workshop, bench, beside, again):
    document = json.loads(bench.lines["provenance"])
    holder, name = part(document)
    *begin, last = base64.b64decode(holder[name])
    holder[name] = base64.b64encode(bytes([*begin, last ^ 1])).decode()
    foreign = bench.attest(by=workshop.instance("rogue"))  # cannot be judged by this root, and hurts nobody
    damaged = bench.attestations.replace(bench.lines["provenance"], json.dumps(document).encode())
    attestations_path(beside).write_bytes(damaged + foreign)
    with pytest.raises(Refused, match="does not verify"):
        bench.verify(attestations=damaged)
    signed = again()
    assert (signed.kept, signed.left_out) == (1, 1)
    data, bundle = attestations_path(beside).read_bytes(), bundle_path(beside).read_bytes()
    assert foreign.strip() in data.splitlines()
    assert bench.verify(attestations=data, bundle=bundle).verifier.root == "local"


def test_beside_more_lines_than_hosts_read_nothing_is_signed(bench, beside, again) -> None:
    many = bench.attestations + b"{}\n" * 100_000
    attestations_path(beside).write_bytes(many)
    with pytest.raises(ConfigurationProblem, match="hosts read 32"):
        again()
    assert attestations_path(beside).read_bytes() == many
    assert len(split_lines(many)) < 200
    with pytest.raises(Refused, match="more than 32"):
        bench.verify(attestations=many)
    assert split_lines(b"\n" * 10_000) == []


def test_what_is_about_other_bytes_or_nothing_at_all_is_left_out_and_counted(workshop, bench, beside, again) -> None:
    other = bench.restate("verdict", lambda it: it["subject"][0]["digest"].update(sha256="0" * 64))
    attestations_path(beside).write_bytes(bench.attestations + other + b"garbage\n" + b"x" * (2 << 20) + b"\n")
    signed = again()
    assert (signed.kept, signed.left_out) == (1, 3)
    assert _kinds(beside) == sorted(LABELS)
    data, bundle = attestations_path(beside).read_bytes(), bundle_path(beside).read_bytes()
    assert bench.verify(attestations=data, bundle=bundle).verdict


def test_a_file_that_others_filled_is_not_written_over(workshop, bench, beside, again) -> None:
    rogue = workshop.instance("registry")
    stranger = bench.restate("provenance", by=rogue)
    attestations_path(beside).write_bytes(stranger * 32)
    bundle = bundle_path(beside).read_bytes()
    with pytest.raises(ConfigurationProblem, match="would hold 35 attestations"):
        again()
    assert attestations_path(beside).read_bytes() == stranger * 32
    assert bundle_path(beside).read_bytes() == bundle


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        json.loads((policies_dir() / "schemas/verification.schema.json").read_text())
    )


def test_verify_answers_in_json_as_published(answers, beside: Path, capsys) -> None:
    assert main(["verify", "--format", "json", str(beside)]) == 0
    answer = json.loads(capsys.readouterr().out)
    answers.validate(answer)
    assert answer["offline"] is True
    assert [one["kind"] for one in answer["statements"]] == LABELS
    assert answer["origins"] == [
        {"repository": "git+https://github.com/acme/hello", "commit": "c" * 40, "dirty": False}
    ]
    sbom_path(beside).write_text("{}")
    assert main(["verify", "--format", "json", str(beside)]) == 5
    refused = json.loads(capsys.readouterr().out)
    answers.validate(refused)
    assert refused["refusal"]["rule"] == "sbom-mismatch"
    assert refused.keys() == answer.keys()


def test_what_verify_refuses_about_an_sbom_is_not_installed(beside: Path, tmp_path: Path, capsys) -> None:
    sbom_path(beside).write_text("{}")
    assert main(["install", str(beside)]) == 5
    assert capsys.readouterr().err.startswith("error[sbom-mismatch]: ")


def test_verify_in_full_shows_every_certificate_field_and_statement(bench, beside: Path, capsys) -> None:
    assert main(["verify", "--format", "full", "--offline", str(beside)]) == 0
    printed = capsys.readouterr().out
    for label in ("serial number", "identity, critical", "issuer ", "CT log", "log entry", "log root", "valid until"):
        assert printed.count(f"\n  {label} ") == 5
    assert '"predicateType": "https://slsa.dev/provenance/v1"' in printed
    assert "offline: nothing was fetched" in printed


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_verify_against_another_commit_is_refused_before_anything_is_built(bench, beside: Path, capsys) -> None:
    source = beside.parent / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text("[project]\nname = 'acme-hello'\n")
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "x")
    for place in (str(source), f"{source}@HEAD"):
        assert main(["verify", "--source", place, str(beside)]) == 5
        printed = capsys.readouterr()
        assert printed.err.startswith("error[provenance-source-mismatch]: ")
        assert printed.out.splitlines()[-1].endswith("9 source")


def test_verify_of_sources_cannot_be_offline(beside: Path, capsys) -> None:
    assert main(["verify", "--offline", "--source", ".", str(beside)]) == 2
    assert "contradict each other" in capsys.readouterr().err


def test_a_damaged_note_of_the_build_is_named_before_anything_is_checked(beside: Path, capsys) -> None:
    (beside.with_name(beside.name + ".build.json")).write_text("{")
    for command in ("sign", "attest"):
        assert main([command, str(beside)]) == 2
        assert "build.json cannot be read" in capsys.readouterr().err


def test_sigstore_itself_verifies_every_line(bench, beside: Path, recheck) -> None:
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier as SigstoreVerifier
    from sigstore.verify import policy

    recheck("default")
    root = TrustedRoot.from_file(str(bench.instance.instance.trusted_root_path))
    signer = policy.Identity(identity=bench.instance.identity, issuer=ISSUER)
    for line in attestations_path(beside).read_bytes().splitlines():
        kind, _ = SigstoreVerifier(trusted_root=root).verify_dsse(Bundle.from_json(line), signer)
        assert kind == "application/vnd.in-toto+json"


def test_a_note_about_another_build_is_not_used(bench, beside: Path) -> None:
    from theodore_plugin.packaging.build_record import find_record

    leave_record(beside, replace_wheel(bench))
    known = find_record(beside, bench.wheel.sha256)
    assert known.record is None
    assert "about another build" in known.lack


def replace_wheel(bench):
    from datetime import UTC, datetime

    from theodore_plugin.packaging.build_record import BuildRecord
    from theodore_plugin.packaging.facts import BuildFacts

    now = datetime.now(UTC)
    return BuildRecord("0" * 64, None, BuildFacts("hatchling.build", (), "3.11.9", 10**9), now, now, "0.1.0")
