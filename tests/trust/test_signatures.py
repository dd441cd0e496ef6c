"""Bundles of both kinds against hostile ones: where the time comes from, whose log it is, whose authority."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from campaign import mutants

from theodore_loader.errors import ConfigurationProblem, LoaderError, Refused
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.signatures import OtherSigner, Signatures, Signer
from theodore_loader.trust.trust_file import Root, SignerRule
from theodore_plugin.signing.instances import Local
from theodore_plugin.signing.local import der
from theodore_plugin.signing.local.documents import RekorVersion
from theodore_plugin.signing.local.instance import ISSUER, LocalInstance, open_or_create
from theodore_plugin.signing.local.server import serving

DATA = b"the very bytes"
OWNER = "https://example.com/owner"
Document = dict[str, Any]


def signed(instance: LocalInstance, rekor: RekorVersion, identity: str = OWNER, data: bytes = DATA) -> Document:
    """Have the unmodified sigstore client sign ``data`` as ``identity``."""
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    service = instance.service()
    with serving(service) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        config = ClientTrustConfig.from_json(json.dumps(instance.trust_config(endpoint.url, rekor)))
        token = IdentityToken(service.mint.mint(identity, datetime.now(UTC)))
        with SigningContext.from_trust_config(config).signer(token) as signer:
            document: Document = json.loads(signer.sign_artifact(data).to_json())
    return document


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> LocalInstance:
    return open_or_create("ours", tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def rogue(tmp_path_factory: pytest.TempPathFactory) -> LocalInstance:
    return open_or_create("rogue", tmp_path_factory.mktemp("rogue"))


@pytest.fixture(scope="module")
def _bundles(ours: LocalInstance, rogue: LocalInstance) -> dict[str, Document]:
    return {
        "v1": signed(ours, 1),
        "other": signed(ours, 2, data=b"other bytes"),
        "v2": signed(ours, 2),
        "rogue": signed(rogue, 2),
        "rogue-v1": signed(rogue, 1),
    }


@pytest.fixture
def bundles(_bundles: dict[str, Document]) -> dict[str, Document]:
    """Every test may spoil its own."""
    return copy.deepcopy(_bundles)


@pytest.fixture(scope="module")
def signatures(ours: LocalInstance, rogue: LocalInstance) -> Signatures:
    documents = {"ours": ours.trusted_root_path.read_bytes(), "rogue": rogue.trusted_root_path.read_bytes()}
    return Signatures({name: Root(name, hashlib.sha256(data).hexdigest(), data) for name, data in documents.items()})


def judge(signatures: Signatures, bundle: Document, root: str = "ours") -> Signer:
    rule = SignerRule(root, ISSUER, OWNER)
    return signatures.artifact(DATA, parse_bundle(json.dumps(bundle).encode()), rule)


def entry(bundle: Document) -> Document:
    found: Document = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def stamps(bundle: Document) -> list[Document]:
    found: list[Document] = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    return found


def stamp(instance: LocalInstance, bundle: Document, moment: datetime, over: bytes | None = None) -> Document:
    """A timestamp over the bundle's signature, by ``instance``, as of ``moment``."""
    signature = over or base64.b64decode(bundle["messageSignature"]["signature"])
    algorithm = der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"))
    imprint = der.sequence(algorithm, der.octet_string(hashlib.sha256(signature).digest()))
    answer = instance.authority.stamper.answer(der.sequence(der.integer(1), imprint), moment)
    return {"signedTimestamp": base64.b64encode(answer).decode()}


def certificate_start(bundle: Document) -> datetime:
    from cryptography.x509 import load_der_x509_certificate

    raw = base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    return load_der_x509_certificate(raw).not_valid_before_utc


# --- what is good


def test_both_kinds_verify_and_their_time_is_the_promised_or_the_stamped_one(
    signatures: Signatures, bundles: dict[str, Document]
) -> None:
    first, second = judge(signatures, bundles["v1"]), judge(signatures, bundles["v2"])
    assert first.signed_at == datetime.fromtimestamp(int(entry(bundles["v1"])["integratedTime"]), UTC)
    start = certificate_start(bundles["v2"])
    assert start <= second.signed_at <= start + timedelta(minutes=2)
    assert (first.identity, second.identity) == (OWNER, OWNER)
    assert entry(bundles["v2"])["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}


@pytest.mark.parametrize("zero", ["0", "00"])
def test_a_promise_of_time_zero_which_nobody_verifies_dates_nothing(
    signatures: Signatures, bundles: dict[str, Document], ours: LocalInstance, zero: str
) -> None:
    """Or a stolen key could sign in the past, before any moment it is revoked from."""
    forged = {"inclusionPromise": {"signedEntryTimestamp": "AAAA"}, "integratedTime": zero}
    entry(bundles["v2"]).update(forged)
    entry(bundles["v1"]).update(forged)
    stamped = stamp(ours, bundles["v1"], certificate_start(bundles["v1"]) + timedelta(seconds=30))
    bundles["v1"]["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [stamped]}
    for kind in ("v1", "v2"):
        signed_at = judge(signatures, bundles[kind]).signed_at
        assert signed_at is not None
        assert signed_at >= certificate_start(bundles[kind])


def test_of_several_timestamps_only_those_that_verify_count_and_of_them_the_latest(
    signatures: Signatures, bundles: dict[str, Document], ours: LocalInstance, rogue: LocalInstance
) -> None:
    bundle, start = bundles["v2"], certificate_start(bundles["v2"])
    stamps(bundle)[:] = [
        stamp(rogue, bundle, start + timedelta(minutes=1)),
        stamp(ours, bundle, start + timedelta(minutes=2)),
        stamp(ours, bundle, start + timedelta(minutes=4)),
        stamp(rogue, bundle, start + timedelta(minutes=8)),
        stamp(ours, bundle, start + timedelta(minutes=3), over=b"another signature"),
    ]
    assert judge(signatures, bundle).signed_at == start + timedelta(minutes=4)


def test_a_promise_outweighs_a_timestamp_nobody_verifies(
    signatures: Signatures, bundles: dict[str, Document], rogue: LocalInstance
) -> None:
    bundle = bundles["v1"]
    promised = judge(signatures, bundle).signed_at
    early = stamp(rogue, bundle, certificate_start(bundle) - timedelta(days=365))
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": [early]}
    assert judge(signatures, bundle).signed_at == promised


def test_without_a_promise_the_place_in_the_log_is_the_proven_one_and_not_the_hint(
    signatures: Signatures, bundles: dict[str, Document]
) -> None:
    proven = judge(signatures, bundles["v2"]).log_index
    assert proven == int(entry(bundles["v2"])["inclusionProof"]["logIndex"])
    entry(bundles["v2"])["logIndex"] = "4711"
    assert judge(signatures, bundles["v2"]).log_index == proven


# --- what is not

Spoil = Callable[[dict[str, Document], LocalInstance, LocalInstance], Document]


def case(function: Spoil) -> Spoil:
    CASES.append(function)
    return function


CASES: list[Spoil] = []


@case
def without_its_timestamp(bundles, ours, rogue):
    stamps(bundles["v2"]).clear()
    return bundles["v2"]


@case
def without_its_timestamp_but_with_an_unsigned_time(bundles, ours, rogue):
    stamps(bundles["v2"]).clear()
    entry(bundles["v2"])["integratedTime"] = str(int(certificate_start(bundles["v2"]).timestamp()))
    return bundles["v2"]


@case
def without_its_timestamp_but_with_the_promise_of_another_entry(bundles, ours, rogue):
    stamps(bundles["v2"]).clear()
    for key in ("integratedTime", "inclusionPromise"):
        entry(bundles["v2"])[key] = entry(bundles["v1"])[key]
    return bundles["v2"]


@case
def stamped_by_another_authority(bundles, ours, rogue):
    stamps(bundles["v2"])[:] = [stamp(rogue, bundles["v2"], certificate_start(bundles["v2"]))]
    return bundles["v2"]


@case
def stamped_for_another_signature(bundles, ours, rogue):
    stamps(bundles["v2"])[:] = stamps(bundles["other"])
    return bundles["v2"]


@case
def stamped_before_the_certificate(bundles, ours, rogue):
    stamps(bundles["v2"])[:] = [stamp(ours, bundles["v2"], certificate_start(bundles["v2"]) - timedelta(seconds=1))]
    return bundles["v2"]


@case
def stamped_after_the_certificate(bundles, ours, rogue):
    stamps(bundles["v2"])[:] = [stamp(ours, bundles["v2"], certificate_start(bundles["v2"]) + timedelta(minutes=11))]
    return bundles["v2"]


@case
def one_stamp_in_time_and_one_late(bundles, ours, rogue):
    stamps(bundles["v2"]).append(stamp(ours, bundles["v2"], certificate_start(bundles["v2"]) + timedelta(days=1)))
    return bundles["v2"]


@case
def the_same_stamp_twice(bundles, ours, rogue):
    stamps(bundles["v2"]).append(stamps(bundles["v2"])[0])
    return bundles["v2"]


@case
def thirty_three_stamps(bundles, ours, rogue):
    start = certificate_start(bundles["v2"])
    stamps(bundles["v2"])[:] = [stamp(ours, bundles["v2"], start + timedelta(seconds=n)) for n in range(33)]
    return bundles["v2"]


@case
def a_stamp_that_is_no_stamp(bundles, ours, rogue):
    stamps(bundles["v2"])[:] = [{"signedTimestamp": base64.b64encode(b"now").decode()}]
    return bundles["v2"]


@case
def promised_at_another_time(bundles, ours, rogue):
    entry(bundles["v1"])["integratedTime"] = str(int(entry(bundles["v1"])["integratedTime"]) - 1)
    return bundles["v1"]


@case
def promised_at_another_place(bundles, ours, rogue):
    entry(bundles["v1"])["logIndex"] = str(int(entry(bundles["v1"])["logIndex"]) + 1)
    return bundles["v1"]


@case
def promised_by_another_log(bundles, ours, rogue):
    entry(bundles["v1"])["inclusionPromise"] = entry(bundles["rogue-v1"])["inclusionPromise"]
    return bundles["v1"]


@case
def with_the_checkpoint_of_another_log(bundles, ours, rogue):
    entry(bundles["v2"])["inclusionProof"]["checkpoint"] = entry(bundles["rogue"])["inclusionProof"]["checkpoint"]
    return bundles["v2"]


@case
def with_the_checkpoint_of_our_other_log(bundles, ours, rogue):
    entry(bundles["v2"])["inclusionProof"]["checkpoint"] = entry(bundles["v1"])["inclusionProof"]["checkpoint"]
    return bundles["v2"]


@case
def with_a_checkpoint_signed_by_another_key(bundles, ours, rogue):
    from theodore_plugin.signing.local.checkpoint import signed_checkpoint

    proof = entry(bundles["v2"])["inclusionProof"]
    tree, root = ours.trees.rekor2, base64.b64decode(proof["rootHash"])
    note = signed_checkpoint(tree.origin, int(proof["treeSize"]), root, rogue.log_keys.rekor2)
    proof["checkpoint"]["envelope"] = note
    return bundles["v2"]


@case
def with_the_proof_of_another_entry(bundles, ours, rogue):
    entry(bundles["v2"])["inclusionProof"] = entry(bundles["other"])["inclusionProof"]
    return bundles["v2"]


@case
def with_another_entry(bundles, ours, rogue):
    bundles["v2"]["verificationMaterial"]["tlogEntries"] = bundles["other"]["verificationMaterial"]["tlogEntries"]
    return bundles["v2"]


@case
def with_the_entry_of_another_log(bundles, ours, rogue):
    bundles["v2"]["verificationMaterial"]["tlogEntries"] = bundles["rogue"]["verificationMaterial"]["tlogEntries"]
    return bundles["v2"]


@case
def with_two_entries(bundles, ours, rogue):
    bundles["v2"]["verificationMaterial"]["tlogEntries"] += bundles["other"]["verificationMaterial"]["tlogEntries"]
    return bundles["v2"]


@case
def without_an_entry(bundles, ours, rogue):
    bundles["v2"]["verificationMaterial"]["tlogEntries"].clear()
    return bundles["v2"]


@case
def with_a_proof_one_hash_short(bundles, ours, rogue):
    entry(bundles["v2"])["inclusionProof"]["hashes"].pop()
    return bundles["v2"]


@case
def logged_at_another_place(bundles, ours, rogue):
    proof = entry(bundles["v2"])["inclusionProof"]
    proof["logIndex"] = "0"
    return bundles["v2"]


@case
def logged_where_the_same_hashes_lead(bundles, ours, rogue):
    proof = entry(bundles["v2"])["inclusionProof"]
    # Entry 1 of 2 and entry 2 of 3 have one hash each, to be put on the left: for the hashes they are the same place.
    assert (proof["logIndex"], proof["treeSize"]) == ("1", "2")
    proof["logIndex"], proof["treeSize"] = "2", "3"
    return bundles["v2"]


@case
def with_a_version_that_is_not_its_own(bundles, ours, rogue):
    entry(bundles["v2"])["kindVersion"]["version"] = "0.0.1"
    return bundles["v2"]


@case
def with_the_signature_of_another(bundles, ours, rogue):
    bundles["v2"]["messageSignature"] = bundles["other"]["messageSignature"]
    return bundles["v2"]


@pytest.mark.parametrize("spoil", CASES, ids=lambda function: function.__name__.replace("_", "-"))
def test_a_spoilt_bundle_is_a_denial(
    spoil: Spoil, signatures: Signatures, bundles: dict[str, Document], ours: LocalInstance, rogue: LocalInstance
) -> None:
    with pytest.raises(Refused) as refused:
        judge(signatures, spoil(bundles, ours, rogue))
    assert refused.value.rule == "signature-invalid"


@pytest.mark.parametrize("kind", ["rogue", "rogue-v1"])
def test_an_authority_that_names_anothers_identity_is_believed_under_its_own_root_only(
    kind: str, signatures: Signatures, bundles: dict[str, Document]
) -> None:
    assert judge(signatures, bundles[kind], root="rogue").root == "rogue"
    with pytest.raises(OtherSigner, match="not issued under root 'ours'"):
        judge(signatures, bundles[kind])


@pytest.mark.parametrize("part", ["tlogEntries", "timestampVerificationData"])
def test_an_authority_that_borrows_our_log_or_our_timestamps_is_still_another(
    part: str, signatures: Signatures, bundles: dict[str, Document], ours: LocalInstance
) -> None:
    bundle = bundles["rogue"]
    if part == "tlogEntries":
        bundle["verificationMaterial"][part] = bundles["v2"]["verificationMaterial"][part]
    # a real timestamp of ours over the rogue's signature: anybody can have one
    stamps(bundle)[:] = [stamp(ours, bundle, certificate_start(bundle))]
    for root in ("ours", "rogue"):
        with pytest.raises((OtherSigner, Refused)):
            judge(signatures, bundle, root=root)


def test_one_verifier_a_root_is_what_keeps_a_rogue_authority_out(
    signatures: Signatures, bundles: dict[str, Document], ours: LocalInstance, rogue: LocalInstance
) -> None:
    """The counter-example: over a merged root the very same bundle is accepted, by the rule that names our identity."""
    documents = [json.loads(instance.trusted_root_path.read_bytes()) for instance in (ours, rogue)]
    lists = ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
    merged = json.dumps({**documents[0], **{key: documents[0][key] + documents[1][key] for key in lists}}).encode()
    root = Root("ours", hashlib.sha256(merged).hexdigest(), merged)
    assert judge(Signatures({"ours": root}), bundles["rogue"]).identity == OWNER
    with pytest.raises(OtherSigner):
        judge(signatures, bundles["rogue"])


@pytest.fixture
def lone(tmp_path: Path) -> LocalInstance:
    return open_or_create("lone", tmp_path, 2)


def test_an_instance_can_be_set_to_version_2_and_back(lone: LocalInstance, tmp_path: Path) -> None:
    assert open_or_create("lone", tmp_path).rekor == 2
    services = json.loads((lone.folder / "trust_config.json").read_bytes())["signingConfig"]
    assert (services["rekorTlogUrls"][0]["majorApiVersion"], len(services["tsaUrls"])) == (2, 1)
    assert open_or_create("lone", tmp_path, 1).rekor == 1
    services = json.loads((lone.folder / "trust_config.json").read_bytes())["signingConfig"]
    assert (services["rekorTlogUrls"][0]["majorApiVersion"], len(services["tsaUrls"])) == (1, 0)


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_a_mutated_bundle_that_is_still_accepted_says_the_very_same(
    kind: str, signatures: Signatures, bundles: dict[str, Document]
) -> None:
    """Bundles are malleable in what nobody signed. Who, when and where in the log are not among it."""
    raw, rule = json.dumps(bundles[kind]).encode(), SignerRule("ours", ISSUER, OWNER)
    original, random = judge(signatures, bundles[kind]), Random(kind)
    for _ in range(mutants(150)):
        mutant = bytearray(raw)
        for _ in range(random.choice((1, 1, 2, 3))):
            place = random.randrange(len(mutant))
            match random.randrange(3):
                case 0:
                    mutant[place] ^= 1 << random.randrange(8)
                case 1:
                    del mutant[place : place + random.randrange(1, 9)]
                case _:
                    mutant[place:place] = random.choices(b'0123456789"{}[]:,aA=+/', k=random.randrange(1, 5))
        with suppress(Refused, OtherSigner):
            assert signatures.artifact(DATA, parse_bundle(bytes(mutant)), rule) == original


@pytest.mark.parametrize("rekor", [1, 2])
def test_an_instance_whose_log_was_put_back_signs_nothing_and_says_why(rekor: RekorVersion, tmp_path: Path) -> None:
    instance = open_or_create("default", tmp_path, rekor)
    kept = instance.log.issued["ct"].path.read_bytes()
    instance.trees.ct.append(b"promised", 1)
    promised = instance.log.issued["ct"].path.read_bytes()
    shutil.rmtree(instance.folder)
    instance = open_or_create("default", tmp_path, rekor)
    header = instance.log.issued["ct"].path.read_bytes()
    instance.log.issued["ct"].path.write_bytes(header + promised.removeprefix(kept))
    with (
        pytest.raises(ConfigurationProblem, match="does not continue what it promised") as problem,
        Local(instance).signer() as signer,
    ):
        signer.sign_artifact(DATA)
    assert "backup" in (problem.value.help or "")


def test_a_disk_that_is_full_while_signing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from theodore_plugin.signing.local.issued import Issued

    instance = open_or_create("default", tmp_path)

    def full(issued: Issued, note: str) -> None:
        raise OSError(28, "No space left on device", str(issued.path))

    monkeypatch.setattr(Issued, "add", full)
    named = r"No space left on device.*ct\.checkpoints"
    with pytest.raises(LoaderError, match=named), Local(instance).signer() as signer:
        signer.sign_artifact(DATA)
