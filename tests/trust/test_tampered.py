"""Named tampered cases: each is refused, by the rule that names what is wrong with it, and with exit code 5."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from theodore_loader.errors import Refused
from theodore_loader.manifest import MANIFEST_NAME
from theodore_loader.policy import load_policy
from theodore_loader.trust.pins import Consent, Pins
from theodore_loader.trust.revocations.document import Document, Entry, write_statement
from theodore_loader.trust.revocations.index import authority_names
from theodore_loader.trust.revocations.intake import take_in
from theodore_loader.trust.revocations.kept import Place
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.steps import NotVerified
from theodore_loader.trust.trust_file import (
    LoaderRules,
    Publisher,
    Revoker,
    Root,
    SignerRule,
    TrustFile,
    UnsignedException,
)
from theodore_plugin.cli.failure import exit_code
from theodore_plugin.packaging.git_tree import GitTree
from theodore_plugin.signing.instances import Local, _environment, _sigstore_signer
from theodore_plugin.signing.local.server import serving
from theodore_plugin.signing.local.tokens import Mint
from theodore_sdk.info import PermissionType, PluginCategory, PluginPermission

Changes = dict[str, Any]
Case = Callable[..., Changes]
MISSING = object()
CASES: dict[str, tuple[str, Case]] = {}


def case(rule: str) -> Callable[[Case], Case]:
    def register(function: Case) -> Case:
        name = function.__name__.replace("_", "-")
        assert name not in CASES
        CASES[name] = (rule, function)
        return function

    return register


# --- the wheel -------------------------------------------------------------------------------------------------------


@case("digest-mismatch")
def flipped_byte_in_the_wheel(bench, tools) -> Changes:
    return {"data": tools.flip(bench.data, len(bench.data) // 2)}


@case("digest-mismatch")
def truncated_wheel(bench, tools) -> Changes:
    return {"data": bench.data[:-100]}


@case("digest-mismatch")
def empty_wheel(bench, tools) -> Changes:
    return {"data": b""}


@case("digest-mismatch")
def trailing_data_on_the_wheel(bench, tools) -> Changes:
    return {"data": bench.data + b"\0"}


@case("digest-mismatch")
def another_wheel_of_the_same_name_and_version(bench, tools) -> Changes:
    return {"data": tools.other.data}


@case("not-a-wheel")
def a_file_that_is_no_wheel(bench, tools) -> Changes:
    return {"filename": "acme_hello.txt"}


@case("not-a-wheel")
def a_path_in_the_file_name(bench, tools) -> Changes:
    return {"filename": "../acme_hello-1.2.0-py3-none-any.whl"}


@case("verdict-subject-mismatch")
def renamed_to_a_higher_version(bench, tools) -> Changes:
    return {"filename": bench.filename.replace("1.2.0", "1.3.0")}


@case("verdict-subject-mismatch")
def renamed_in_another_case(bench, tools) -> Changes:
    return {"filename": bench.filename.replace("acme", "ACME")}


@case("signer-not-trusted")
def cyrillic_letter_in_the_name(bench, tools) -> Changes:
    return {"filename": bench.filename.replace("a", "\N{CYRILLIC SMALL LETTER A}", 1), **tools.publishing("acme-*")}


@case("record-mismatch")
def signed_but_record_lies(bench, tools) -> Changes:
    return tools.resigned(tools.rewritten(b"class Plugin", b"klass Plugin"))


@case("metadata-drift")
def signed_but_the_manifest_is_another_plugins(bench, tools) -> Changes:
    return tools.claiming(b'"name": "acme-hello"', b'"name": "acme-other"', "pkg:pypi/acme-other@1.2.0")


@case("metadata-drift")
def signed_but_the_manifest_is_of_a_higher_version(bench, tools) -> Changes:
    return tools.claiming(b'"version": "1.2.0"', b'"version": "1.3.0"', "pkg:pypi/acme-hello@1.3.0")


@case("polyglot-or-trailing-data")
def signed_but_with_data_after_the_archive(bench, tools) -> Changes:
    return tools.resigned(bench.data + b"\0" * 10)


@case("polyglot-or-trailing-data")
def signed_but_with_data_before_the_archive(bench, tools) -> Changes:
    return tools.resigned(b"#!/bin/sh\n" + bench.data)


# --- the publisher's bundle ------------------------------------------------------------------------------------------


@case("unsigned-artifact")
def missing_bundle(bench, tools) -> Changes:
    return {"bundle": None}


@case("signature-invalid")
def empty_bundle(bench, tools) -> Changes:
    return {"bundle": b""}


@case("signature-invalid")
def bundle_that_is_not_json(bench, tools) -> Changes:
    return {"bundle": b"\x7fELF"}


@case("signature-invalid")
def truncated_bundle(bench, tools) -> Changes:
    return {"bundle": bench.bundle[:-20]}


@case("signature-invalid")
def bundle_larger_than_the_cap(bench, tools) -> Changes:
    return {"bundle": bench.bundle + b" " * (1 << 20)}


@case("signature-invalid")
def bundle_nested_beyond_reason(bench, tools) -> Changes:
    return {"bundle": b"[" * 100_000}


@case("signature-invalid")
def duplicated_key_in_the_bundle(bench, tools) -> Changes:
    return {"bundle": bench.bundle.replace(b'{"mediaType"', b'{"mediaType":"x","mediaType"', 1)}


@case("digest-mismatch")
def bundle_of_another_wheel(bench, tools) -> Changes:
    return {"bundle": tools.other.bundle}


@case("digest-mismatch")
def bundle_of_another_wheel_without_its_digest_hint(bench, tools) -> Changes:
    return {"bundle": tools.edited(tools.other.bundle, lambda b: b["messageSignature"].pop("messageDigest"))}


@case("signature-invalid")
def bundle_of_another_wheel_with_our_digest_written_in(bench, tools) -> Changes:
    ours = base64.b64encode(bytes.fromhex(bench.wheel.sha256)).decode()
    return {
        "bundle": tools.edited(tools.other.bundle, lambda b: b["messageSignature"]["messageDigest"].update(digest=ours))
    }


@case("signature-invalid")
def altered_signature(bench, tools) -> Changes:
    return {"bundle": tools.edited(bench.bundle, lambda b: tools.flip64(b["messageSignature"], "signature"))}


@case("signature-invalid")
def certificate_of_another_signature(bench, tools) -> Changes:
    certificate = json.loads(tools.other.bundle)["verificationMaterial"]["certificate"]
    return {"bundle": tools.edited(bench.bundle, lambda b: b["verificationMaterial"].update(certificate=certificate))}


@case("signature-invalid")
def two_log_entries(bench, tools) -> Changes:
    return {"bundle": tools.edited(bench.bundle, lambda b: tools.entries(b).append(tools.entries(b)[0]))}


@case("signature-invalid")
def no_log_entry(bench, tools) -> Changes:
    return {"bundle": tools.edited(bench.bundle, lambda b: tools.entries(b).clear())}


@case("signature-invalid")
def log_entry_of_another_signature(bench, tools) -> Changes:
    entry = tools.entries(json.loads(tools.other.bundle))[0]
    return {"bundle": tools.edited(bench.bundle, lambda b: tools.entries(b).__setitem__(0, entry))}


@case("signature-invalid")
def altered_inclusion_proof(bench, tools) -> Changes:
    return {
        "bundle": tools.edited(bench.bundle, lambda b: tools.flip64(tools.entries(b)[0]["inclusionProof"], "rootHash"))
    }


@case("signature-invalid")
def altered_checkpoint(bench, tools) -> Changes:
    def grow(bundle: Any) -> None:
        checkpoint = tools.entries(bundle)[0]["inclusionProof"]["checkpoint"]
        checkpoint["envelope"] = re.sub(r"\n(\d+)\n", "\n999999\n", checkpoint["envelope"], count=1)

    return {"bundle": tools.edited(bench.bundle, grow)}


@case("signature-invalid")
def altered_log_promise(bench, tools) -> Changes:
    return {
        "bundle": tools.edited(
            bench.bundle, lambda b: tools.flip64(tools.entries(b)[0]["inclusionPromise"], "signedEntryTimestamp")
        )
    }


@case("signature-invalid")
def missing_log_promise(bench, tools) -> Changes:
    return {"bundle": tools.edited(bench.bundle, lambda b: tools.entries(b)[0].pop("inclusionPromise"))}


@case("signature-invalid")
def log_time_after_the_certificate_expired(bench, tools) -> Changes:
    later = str(int(datetime.now(UTC).timestamp()) + 86_400)
    return {"bundle": tools.edited(bench.bundle, lambda b: tools.entries(b)[0].update(integratedTime=later))}


@case("signature-invalid")
def verdict_bundle_instead_of_the_publishers(bench, tools) -> Changes:
    return {"bundle": bench.attestations.strip()}


# --- the publisher's identity ----------------------------------------------------------------------------------------


@case("signer-not-trusted")
def bundle_from_another_instance(bench, tools) -> Changes:
    return {"bundle": tools.sign(tools.rogue, bench.data)}


@case("signer-not-trusted")
def another_instance_that_names_our_issuer_and_identity(bench, tools) -> Changes:
    return {"bundle": tools.sign(tools.rogue, bench.data, identity=bench.instance.identity)}


@case("signer-not-trusted")
def the_same_where_that_instances_root_is_known_too(bench, tools) -> Changes:
    return {
        "bundle": tools.sign(tools.rogue, bench.data, identity=bench.instance.identity),
        "trust": tools.with_rogue_root(bench.trust),
    }


@case("signer-not-trusted")
def another_identity_of_our_instance(bench, tools) -> Changes:
    return {"bundle": tools.sign(bench.instance, bench.data, identity="https://example.com/somebody-else")}


@case("signer-not-trusted")
def identity_with_ours_as_prefix(bench, tools) -> Changes:
    return {"bundle": tools.sign(bench.instance, bench.data, identity=bench.instance.identity + "0")}


@case("signer-not-trusted")
def identity_that_contains_ours(bench, tools) -> Changes:
    identity = f"https://evil.example/{bench.instance.identity}"
    return {"bundle": tools.sign(bench.instance, bench.data, identity=identity)}


@case("signer-not-trusted")
def identity_in_another_case(bench, tools) -> Changes:
    return {"bundle": tools.sign(bench.instance, bench.data, identity=bench.instance.identity.upper())}


@case("signer-not-trusted")
def identity_that_a_regular_expression_would_match(bench, tools) -> Changes:
    return {
        "bundle": tools.sign(bench.instance, bench.data, identity="https://github-com/acme/hello"),
        **tools.publishing("*", identity="https://github.com/acme/*"),
    }


@case("signer-not-trusted")
def glob_star_does_not_cross_a_slash(bench, tools) -> Changes:
    return {
        "bundle": tools.sign(bench.instance, bench.data, identity="https://github.com/acme/evil/hello"),
        **tools.publishing("*", identity="https://github.com/acme/*"),
    }


@case("signer-not-trusted")
def our_identity_on_another_issuers_word(bench, tools) -> Changes:
    bundle = tools.sign(bench.instance, bench.data, identity=bench.instance.identity, issuer="https://evil.example")
    return {"bundle": bundle}


@case("signer-not-trusted")
def missing_claim(bench, tools) -> Changes:
    return tools.publishing("*", claims={"source_repository_owner_id": "42"})


@case("signer-not-trusted")
def publisher_of_other_plugins(bench, tools) -> Changes:
    return tools.publishing("acme-other")


@case("signer-not-trusted")
def publisher_of_a_plugin_whose_name_is_a_prefix(bench, tools) -> Changes:
    return tools.publishing("acme")


@case("signer-not-trusted")
def no_trust_file(bench, tools) -> Changes:
    return {"trust": TrustFile(bench.trust.path.with_name("absent.toml"), found=False)}


# --- the attestations ------------------------------------------------------------------------------------------------


@case("verdict-missing")
def missing_attestations(bench, tools) -> Changes:
    return {"attestations": None}


@case("verdict-missing")
def blank_attestations(bench, tools) -> Changes:
    return {"attestations": b"\n\n"}


@case("signature-invalid")
def garbage_among_the_attestations(bench, tools) -> Changes:
    return {"attestations": bench.attestations + b"garbage\n"}


@case("signature-invalid")
def truncated_attestation(bench, tools) -> Changes:
    return {"attestations": bench.attestations[:-50]}


@case("verdict-invalid")
def more_attestations_than_the_cap(bench, tools) -> Changes:
    return {"attestations": bench.attestations * 33}


@case("verdict-invalid")
def an_attestation_larger_than_the_cap(bench, tools) -> Changes:
    return {"attestations": bench.attestations.strip() + b" " * (1 << 20) + b"\n"}


@case("signature-invalid")
def publishers_bundle_among_the_attestations(bench, tools) -> Changes:
    return {"attestations": bench.bundle.strip() + b"\n"}


@case("signature-invalid")
def verdict_edited_after_signing(bench, tools) -> Changes:
    def edit(bundle: Any) -> None:
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(b"example", b"exampel")).decode()

    return {"attestations": tools.edited(bench.lines["verdict"], edit) + b"\n"}


@case("signature-invalid")
def payload_type_edited_after_signing(bench, tools) -> Changes:
    return {
        "attestations": tools.edited(
            bench.lines["verdict"], lambda b: b["dsseEnvelope"].update(payloadType="text/plain")
        )
    }


@case("verdict-subject-mismatch")
def swapped_verdict(bench, tools) -> Changes:
    return {"attestations": tools.other.attestations}


@case("verdict-subject-mismatch")
def verdict_of_another_wheel_beside_ours(bench, tools) -> Changes:
    return {"attestations": bench.attestations + tools.other.attestations}


@case("verdict-subject-mismatch")
def verdict_about_another_digest(bench, tools) -> Changes:
    return tools.attested(lambda s: s["subject"][0]["digest"].update(sha256="0" * 64))


@case("verdict-subject-mismatch")
def verdict_about_another_file_name(bench, tools) -> Changes:
    return tools.attested(lambda s: s["subject"][0].update(name="other-1.0-py3-none-any.whl"))


@case("verdict-subject-mismatch")
def verdict_about_two_files(bench, tools) -> Changes:
    return tools.attested(lambda s: s["subject"].append(s["subject"][0]))


@case("verdict-invalid")
def wrong_predicate_type(bench, tools) -> Changes:
    return tools.attested(lambda s: s.update(predicateType="https://example.com/verdict/v1"))


@case("verdict-invalid")
def verdict_called_a_provenance(bench, tools) -> Changes:
    return tools.attested(lambda s: s.update(predicateType="https://slsa.dev/provenance/v1"))


@case("verdict-invalid")
def verdict_without_our_extension(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"].pop("urn:theodore:vsa:1"))


@case("verdict-invalid")
def unknown_field_in_the_verdict(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"]["urn:theodore:vsa:1"].update(waived=True))


# --- what the verdict rests on, where the wheel comes from, its SBOM --------------------------------------------------


@case("verdict-input-missing")
def provenance_taken_away(bench, tools) -> Changes:
    return tools.without("provenance")


@case("verdict-input-missing")
def vulnerabilities_taken_away(bench, tools) -> Changes:
    return tools.without("vulnerabilities")


@case("verdict-input-missing")
def provenance_exchanged_for_an_older_one_of_the_same_publisher(bench, tools) -> Changes:
    return tools.exchanged("provenance", lambda s: tools.source(s)["digest"].update(gitCommit="d" * 40))


@case("verdict-input-missing")
def sbom_reference_exchanged_for_another_of_the_same_publisher(bench, tools) -> Changes:
    return tools.exchanged("SBOM reference", lambda s: s["predicate"]["attester"].update(id="urn:example:other"))


@case("verdict-input-missing")
def provenance_by_a_stranger_in_the_place_of_the_publishers(bench, tools) -> Changes:
    return tools.exchanged("provenance", by=tools.rogue)


@case("verdict-input-missing")
def verdict_on_a_statement_nobody_has(bench, tools) -> Changes:
    return tools.attested(
        lambda s: s["predicate"].update(inputAttestations=[{"uri": "x", "digest": {"sha256": "0" * 64}}])
    )


@case("verdict-input-missing")
def inputs_of_which_the_host_does_not_believe_the_publisher(bench, tools) -> Changes:
    other = SignerRule("local", "https://issuer.example", "https://example.com/somebody-else")
    rule = bench.trust.publishers[0]
    return {
        "bundle": tools.sign(bench.instance, bench.data, other.identity, other.issuer),
        "trust": replace(
            bench.trust,
            publishers=(replace(rule, signer=replace(other, root=rule.signer.root)),),
        ),
    }


@case("verdict-subject-mismatch")
def provenance_of_another_wheel(bench, tools) -> Changes:
    return {"attestations": b"\n".join([*bench.lines.values(), tools.other.lines["provenance"]])}


@case("verdict-invalid")
def provenance_with_an_unknown_field(bench, tools) -> Changes:
    return tools.exchanged("provenance", lambda s: s["predicate"].update(extra=1))


@case("verdict-invalid")
def provenance_whose_commit_is_none(bench, tools) -> Changes:
    return tools.exchanged("provenance", lambda s: tools.source(s)["digest"].update(gitCommit="HEAD"))


@case("verdict-invalid")
def provenance_of_a_tree_that_is_clean_and_changed(bench, tools) -> Changes:
    return tools.exchanged("provenance", lambda s: tools.source(s).update(dirty={"gitCommit": "c" * 40}))


@case("verdict-invalid")
def vulnerabilities_without_times(bench, tools) -> Changes:
    return tools.exchanged("vulnerabilities", lambda s: s["predicate"].pop("metadata"))


@case("verdict-invalid")
def reference_to_two_sboms(bench, tools) -> Changes:
    return tools.exchanged("SBOM reference", lambda s: s["predicate"]["references"].append(tools.document(s)))


@case("signature-invalid")
def byte_order_mark_before_the_attestations(bench, tools) -> Changes:
    return {"attestations": b"\xef\xbb\xbf" + bench.attestations}


@case("signature-invalid")
def attestations_as_one_array(bench, tools) -> Changes:
    return {"attestations": b"[" + b",".join(bench.attestations.splitlines()) + b"]"}


@case("signature-invalid")
def duplicated_key_deep_in_an_attestation(bench, tools) -> Changes:
    line = bench.lines["provenance"].replace(b'"payloadType"', b'"payloadType":"x","payloadType"', 1)
    return {"attestations": b"\n".join([*bench.lines.values(), line])}


@case("verdict-invalid")
def duplicated_key_in_a_signed_payload(bench, tools) -> Changes:
    return tools.exchanged("provenance", raw=lambda text: text.replace(b'"buildType"', b'"buildType":"x","buildType"'))


@case("provenance-missing")
def no_provenance_where_the_host_demands_it(bench, tools) -> Changes:
    return {"attestations": bench.attest(), **tools.demanding()}


@case("provenance-missing")
def provenance_of_a_changed_tree_where_the_host_demands_a_commit(bench, tools) -> Changes:
    def dirty(statement: Any) -> None:
        source = tools.source(statement)
        source["dirty"] = source.pop("digest")

    return {**tools.consistent("provenance", dirty), **tools.demanding()}


@case("provenance-missing")
def provenance_that_only_a_verifier_states(bench, tools) -> Changes:
    return {"attestations": bench.attest() + bench.restate("provenance", by=tools.rogue), **tools.demanding()}


@case("provenance-source-mismatch")
def provenance_of_a_fork(bench, tools) -> Changes:
    return tools.forked("https://github.com/acme/other", homepage="https://github.com/acme/other")


@case("provenance-source-mismatch")
def provenance_of_another_repository_than_metadata_names(bench, tools) -> Changes:
    source = "https://git.acme.example/hello"
    return tools.forked(source, metadata=f"Project-URL: Source Code, {source}\n")


@case("sbom-mismatch")
def sbom_beside_the_wheel_edited(bench, tools) -> Changes:
    return {"sbom": bench.wheel.sbom.replace(b"acme", b"evil")}


@case("sbom-mismatch")
def sbom_beside_the_wheel_emptied(bench, tools) -> Changes:
    return {"sbom": b""}


@case("sbom-mismatch")
def signed_sbom_is_not_the_one_inside(bench, tools) -> Changes:
    return tools.consistent("SBOM reference", lambda s: tools.document(s)["digest"].update(sha256="0" * 64))


@case("sbom-mismatch")
def sbom_beside_the_wheel_edited_where_none_was_signed(bench, tools) -> Changes:
    return {"attestations": bench.attest(), "sbom": b"{}"}


# --- the verdict -----------------------------------------------------------------------------------------------------


@case("verdict-failed")
def failed_verdict(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"].update(verificationResult="FAILED"))


@case("verdict-failed")
def passed_verdict_that_states_no_level(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"].update(verifiedLevels=[]))


@case("verdict-failed")
def older_pass_beside_a_newer_failure(bench, tools) -> Changes:
    newer = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    failed = tools.attested(lambda s: s["predicate"].update(verificationResult="FAILED", timeVerified=newer))
    return {"attestations": bench.attestations + failed["attestations"]}


@case("verdict-policy-mismatch")
def verdict_for_another_policy(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"]["policy"]["digest"].update(sha256="0" * 64))


@case("signer-not-trusted")
def verdict_by_another_instance(bench, tools) -> Changes:
    return {"attestations": bench.attest(by=tools.rogue)}


@case("signer-not-trusted")
def verdict_by_a_publisher_who_is_no_verifier(bench, tools) -> Changes:
    return {"trust": replace(bench.trust, verifiers=())}


@case("signer-not-trusted")
def verdict_in_another_verifiers_name(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"]["verifier"].update(id="urn:example:registry"))


@case("verdict-subject-mismatch")
def verdict_about_another_version(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"].update(resourceUri="pkg:pypi/acme-hello@1.1.0"))


@case("verdict-stale")
def verdict_older_than_the_policy_accepts(bench, tools) -> Changes:
    return {"now": datetime.now(UTC) + timedelta(days=bench.policy.verdict_max_age_days + 1)}


@case("verdict-stale")
def verdict_older_than_the_trust_file_accepts(bench, tools) -> Changes:
    strict = replace(bench.trust.verifiers[0], max_age_days=1)
    return {"now": datetime.now(UTC) + timedelta(days=2), "trust": replace(bench.trust, verifiers=(strict,))}


@case("verdict-invalid")
def verdict_from_the_future(bench, tools) -> Changes:
    return {"now": datetime.now(UTC) - timedelta(hours=1)}


@case("verdict-invalid")
def verdict_without_time_zone(bench, tools) -> Changes:
    return tools.attested(lambda s: s["predicate"].update(timeVerified="2026-11-01T00:00:00"))


def excepting(until: str, excepted: int = 1) -> dict[str, Any]:
    return {
        "rules": ["hardcoded-secret"],
        "place": "acme.yaml:3",
        "reason": "a sample",
        "owner": "sec@acme.example",
        "until": until,
        "excepted": excepted,
    }


@case("verdict-stale")
def verdict_on_an_exception_that_has_ended(bench, tools) -> Changes:
    return tools.extended(lambda e: e.update(exceptions=[excepting("2020-01-01")]))


@case("verdict-invalid")
def verdict_on_an_exception_without_a_day(bench, tools) -> Changes:
    return tools.extended(lambda e: e.update(exceptions=[excepting("for ever")]))


@case("verdict-stale")
def verdict_on_old_vulnerability_data(bench, tools) -> Changes:
    return tools.extended(lambda e: e["advisories"].update(date="2020-01-01"))


@case("verdict-invalid")
def vulnerability_data_without_a_real_date(bench, tools) -> Changes:
    return tools.extended(lambda e: e["advisories"].update(date="tomorrow"))


@case("verdict-incomplete")
def skipped_required_check(bench, tools) -> Changes:
    return tools.extended(lambda e: e["checks"][0].update(status="skipped"))


@case("verdict-incomplete")
def failed_check(bench, tools) -> Changes:
    return tools.extended(lambda e: e["checks"][0].update(status="failed"))


@case("verdict-incomplete")
def skipped_check_that_only_this_host_requires(bench, tools) -> Changes:
    return tools.extended(lambda e: e["checks"][0].update(status="skipped", required=False))


@case("verdict-incomplete")
def required_check_left_out(bench, tools) -> Changes:
    return tools.extended(lambda e: e["checks"].pop())


@case("verdict-incomplete")
def file_that_was_not_analysed(bench, tools) -> Changes:
    return tools.extended(lambda e: e["coverage"][0].update(failed=1))


@case("verdict-incomplete")
def verdict_that_accounts_for_nothing(bench, tools) -> Changes:
    return tools.extended(lambda e: e["coverage"].clear())


@case("verdict-invalid")
def manifest_asks_for_more_than_was_judged(bench, tools) -> Changes:
    return tools.extended(lambda e: e["permissions"]["declared"].clear())


@case("verdict-invalid")
def permission_in_the_verdict_that_is_none(bench, tools) -> Changes:
    return tools.extended(lambda e: e["permissions"].update(declared=["network http://"]))


# --- revocation, exceptions, permissions -----------------------------------------------------------------------------


@case("revoked")
def revoked_digest(bench, tools) -> Changes:
    return tools.revoking({"sha256": bench.wheel.sha256})


@case("revoked")
def revoked_signer(bench, tools) -> Changes:
    signer = bench.trust.publishers[0].signer
    named = {"root": signer.root, "issuer": signer.issuer, "identity": signer.identity}
    return tools.revoking({**named, "from": "2020-01-01T00:00:00Z"})


@case("revocation-list-stale")
def revocation_list_older_than_the_bound(bench, tools) -> Changes:
    changes = tools.revoking({"sha256": "0" * 64}, issued="2020-01-01T00:00:00Z")
    return {"trust": replace(changes["trust"], loader=LoaderRules(max_revocation_age_days=30))}


@case("revocation-list-stale")
def revocation_list_missing_where_one_is_demanded(bench, tools) -> Changes:
    return {"trust": replace(bench.trust, loader=LoaderRules(max_revocation_age_days=30))}


@case("revocation-list-stale")
def revokers_list_that_was_never_taken_in(bench, tools) -> Changes:
    return tools.heeding()


@case("revocation-list-stale")
def revokers_list_that_has_expired(bench, tools) -> Changes:
    return {**tools.heeding(1, {"sha256": "0" * 64}), "now": datetime.now(UTC) + timedelta(days=3)}


@case("revoked")
def digest_on_a_revokers_list(bench, tools) -> Changes:
    return tools.heeding(1, {"sha256": bench.wheel.sha256})


@case("revoked")
def signer_on_a_revokers_list(bench, tools) -> Changes:
    signer = bench.trust.publishers[0].signer
    root = authority_names(bench.trust.roots[signer.root].document)[-1]
    since = datetime(2020, 1, 1, tzinfo=UTC)
    return tools.heeding(1, {"root": root, "issuer": signer.issuer, "identity": signer.identity, "since": since})


@case("revoked")
def version_on_the_list_of_its_registry(bench, tools) -> Changes:
    return tools.heeding(1, {"registry": "acme", "plugin": "acme-hello", "versions": ">=1.2,<1.3"})


@case("revoked")
def blocked_for_installation(bench, tools) -> Changes:
    return {**tools.heeding(1, {"sha256": bench.wheel.sha256}, action="block-install"), "purpose": "install"}


@case("version-yanked")
def yanked_and_to_be_installed(bench, tools) -> Changes:
    return {**tools.heeding(1, {"sha256": bench.wheel.sha256}, action="yank"), "purpose": "install"}


@case("revocation-list-went-back")
def older_list_of_a_revoker_put_back(bench, tools) -> Changes:
    return tools.heeding(2, {"sha256": bench.wheel.sha256}, then=1)


@case("revocation-list-went-back")
def other_list_of_a_revoker_with_the_same_sequence(bench, tools) -> Changes:
    return tools.heeding(2, {"sha256": bench.wheel.sha256}, then=2)


@case("revocation-list-invalid")
def list_of_another_revoker_in_place_of_ones_own(bench, tools) -> Changes:
    return tools.heeding(1, {"sha256": "0" * 64}, then=2, revoker="other")


@case("signer-not-trusted")
def list_of_a_revoker_by_another_instance(bench, tools) -> Changes:
    return tools.heeding(1, {"sha256": "0" * 64}, then=2, by=tools.rogue)


@case("signature-invalid")
def list_of_a_revoker_cut_short(bench, tools) -> Changes:
    changes = tools.heeding(1, {"sha256": "0" * 64})
    path = Place(changes["revocations"].home, "acme").bundle
    path.write_bytes(path.read_bytes()[:-30])
    return changes


@case("unsigned-artifact")
def unsigned_exception_for_another_digest(bench, tools) -> Changes:
    return {"bundle": None, **tools.excepting("0" * 64, date(2999, 1, 1))}


@case("unsigned-artifact")
def unsigned_exception_that_has_expired(bench, tools) -> Changes:
    return {"bundle": None, **tools.excepting(bench.wheel.sha256, date(2020, 1, 1))}


@case("policy-denied")
def permission_the_host_does_not_grant(bench, tools) -> Changes:
    wanted = PluginPermission(PermissionType.SUBPROCESS, "runs git", "git")
    greedy = tools.fresh(permissions=(wanted,))
    return {name: getattr(greedy, name) for name in ("wheel", "filename", "data", "bundle", "attestations")}


# --- what was installed before ---------------------------------------------------------------------------------------


@case("version-went-back")
def replayed_old_version(bench, tools) -> Changes:
    return tools.pinned(highest="1.2.1")


@case("version-went-back")
def replayed_release_candidate_of_the_installed_version(bench, tools) -> Changes:
    return tools.pinned(highest="1.2.0.post1")


@case("version-went-back")
def replayed_old_version_agreed_to_by_its_digest_only(bench, tools) -> Changes:
    return {**tools.pinned(highest="2.0"), "consent": Consent(bench.wheel.sha256)}


@case("signer-changed")
def believed_signer_in_place_of_the_pinned_one(bench, tools) -> Changes:
    return tools.pinned(publisher={"identity": "urn:theodore:local:" + "0" * 64})


@case("signer-changed")
def pinned_identity_from_another_root(bench, tools) -> Changes:
    return tools.pinned(publisher={"root_sha256": "0" * 64, "authorities": ("0" * 64,)})


@case("signer-changed")
def pinned_identity_from_a_copied_root_under_another_id(bench, tools) -> Changes:
    return tools.pinned(publisher={"root_sha256": "0" * 64, "root": "mine"})


@case("signer-changed")
def pinned_identity_in_another_case(bench, tools) -> Changes:
    return tools.pinned(publisher={"identity": bench.instance.identity.upper()})


@case("signer-changed")
def pinned_owner_number_missing_from_the_certificate(bench, tools) -> Changes:
    return tools.pinned(publisher={"claims": {"source_repository_owner_id": "1234567"}})


@case("signer-changed")
def same_wheel_signed_by_another_believed_signer(bench, tools) -> Changes:
    return tools.pinned(sha256=bench.wheel.sha256, publisher={"identity": "urn:theodore:local:" + "0" * 64})


@case("signer-changed")
def signed_in_place_of_what_was_accepted_unsigned(bench, tools) -> Changes:
    return tools.pinned(publisher=None)


@case("upgrade-needs-consent")
def upgrade_that_asks_for_more(bench, tools) -> Changes:
    return tools.pinned(permissions=("network api.example.com:80",))


@case("upgrade-needs-consent")
def upgrade_of_another_category(bench, tools) -> Changes:
    return tools.pinned(category=PluginCategory.EXPORTER)


@case("upgrade-needs-consent")
def upgrade_whose_verdict_states_less(bench, tools) -> Changes:
    return tools.pinned(levels=("SLSA_SOURCE_LEVEL_3", "THEODORE_CHECK_PASSED"))


@case("upgrade-needs-consent")
def upgrade_checked_in_a_weaker_sandbox(bench, tools) -> Changes:
    return tools.pinned(sandbox="isolated")


@case("upgrade-needs-consent")
def upgrade_agreed_to_by_another_digest(bench, tools) -> Changes:
    return {**tools.pinned(permissions=()), "consent": Consent(tools.other.wheel.sha256)}


# ---------------------------------------------------------------------------------------------------------------------


class Tools:
    """What the cases tamper with."""

    def __init__(self, bench: Any, workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
        self.bench = bench
        self._workshop = workshop
        self._folders = tmp_path_factory
        self.rogue: Local = workshop.instance("rogue")
        self.other = self.fresh(extra=b"# another build\n")

    def rewritten(self, old: bytes, new: bytes) -> bytes:
        """The wheel with ``old`` replaced in every entry, and RECORD as it was."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(self.bench.data)) as source, zipfile.ZipFile(buffer, "w") as target:
            for entry in source.infolist():
                target.writestr(entry, source.read(entry).replace(old, new))
        return buffer.getvalue()

    def fresh(self, **wheel: Any) -> Any:
        return self._workshop.bench(self._folders.mktemp("other"), **wheel)

    def sign(self, instance: Local, data: bytes, identity: str | None = None, issuer: str | None = None) -> bytes:
        """Sign as anybody: the instance's owner can name whom they like."""
        from sigstore.models import ClientTrustConfig

        service = instance.instance.service()
        service = replace(service, mint=Mint(issuer or service.mint.issuer))
        with serving(service) as endpoint, _environment({"NO_PROXY": "127.0.0.1"}):
            config = ClientTrustConfig.from_json(json.dumps(instance.instance.trust_config(endpoint.url)))
            token = service.mint.mint(identity or instance.identity, datetime.now(UTC))
            with _sigstore_signer(config, token) as signer:
                return signer.sign_artifact(data).to_json().encode()

    def resigned(self, data: bytes) -> Changes:
        """Sign changed bytes as the trusted publisher and verifier: only the archive itself is wrong."""
        digest = hashlib.sha256(data).hexdigest()
        attested = self.bench.attest(lambda s: s["subject"][0]["digest"].update(sha256=digest))
        return {"data": data, "bundle": self.sign(self.bench.instance, data), "attestations": attested}

    def claiming(self, old: bytes, new: bytes, resource: str) -> Changes:
        """A wheel whose manifest claims ``new`` for ``old``: truly recorded, signed by all, judged as ``resource``."""
        name, recorded = self.bench.wheel.dist_info + "/" + MANIFEST_NAME, self.bench.wheel.dist_info + "/RECORD"
        before = self.bench.wheel.entries[name]
        entries = {**self.bench.wheel.entries, name: before.replace(old, new)}
        assert entries[name] != before
        entries[recorded] = entries[recorded].replace(_record_digest(before), _record_digest(entries[name]))
        data = _archived(self.bench.data, entries)
        digest = hashlib.sha256(data).hexdigest()

        def claim(statement: Any) -> None:
            statement["subject"][0]["digest"].update(sha256=digest)
            statement["predicate"].update(resourceUri=resource)

        return {"data": data, "bundle": self.sign(self.bench.instance, data), **self.attested(claim)}

    def attested(self, change: Callable[[Any], object]) -> Changes:
        return {"attestations": self.bench.attest(change)}

    def extended(self, change: Callable[[Any], object]) -> Changes:
        return self.attested(lambda statement: change(statement["predicate"]["urn:theodore:vsa:1"]))

    def without(self, label: str) -> Changes:
        """The attestations but for one kind."""
        return {"attestations": b"\n".join(line for kind, line in self.bench.lines.items() if kind != label)}

    def exchanged(self, label: str, *change: Callable[[Any], object], **how: Any) -> Changes:
        """The attestations with one of them made anew; the verdict still names the old one."""
        return {"attestations": self.bench.restate(label, *change, **how) + self.without(label)["attestations"]}

    def consistent(self, label: str, change: Callable[[Any], object]) -> Changes:
        """A statement made anew beside a verdict that rests on nothing."""
        return {"attestations": self.bench.restate(label, change) + self.bench.attest()}

    def demanding(self) -> Changes:
        return {"trust": replace(self.bench.trust, loader=LoaderRules(require_provenance=True))}

    def forked(self, declared: str, **wheel: str) -> Changes:
        """A wheel that declares one repository, with the publisher's provenance of another: `sign` would refuse to."""
        other = self.fresh(tree=GitTree(declared, "c" * 40, None), **wheel)
        stated = other.restate("provenance", lambda s: self.source(s).update(uri="git+https://github.com/evil/fork"))
        changes = {name: getattr(other, name) for name in ("wheel", "filename", "data", "bundle")}
        return {**changes, "attestations": stated + other.attest()}

    @staticmethod
    def source(statement: Any) -> Any:
        return statement["predicate"]["buildDefinition"]["externalParameters"]["source"]

    @staticmethod
    def document(statement: Any) -> Any:
        return statement["predicate"]["references"][0]

    def publishing(self, plugins: str, identity: str | None = None, claims: dict[str, str] | None = None) -> Changes:
        signer = self.bench.trust.publishers[0].signer
        rule = SignerRule(signer.root, signer.issuer, identity or signer.identity, claims or {})
        return {"trust": replace(self.bench.trust, publishers=(Publisher((plugins,), rule),))}

    def with_rogue_root(self, trust: TrustFile) -> TrustFile:
        document = self.rogue.instance.trusted_root_path.read_bytes()
        return replace(trust, roots={**trust.roots, "rogue": Root("rogue", "", document)})

    def pinned(self, highest: str = "1.1.0", publisher: Any = MISSING, **terms: Any) -> Changes:
        """Pretend that version 1.1.0 was installed on the bench's own terms but for the given ones."""
        home = self._folders.mktemp("pins")
        home.chmod(0o700)
        before = structs.replace(self.bench.verify().terms, **{"version": "1.1.0", "sha256": "f" * 64, **terms})
        if publisher is not MISSING:
            signer = before.publisher and publisher and structs.replace(before.publisher, **publisher)
            before = structs.replace(before, publisher=signer)
        with Pins(home).accepting(self.bench.wheel.name, structs.replace(before, version=highest)):
            pass
        with Pins(home).accepting(self.bench.wheel.name, before, Consent(before.sha256, downgrade=True)):
            pass
        return {"pins": Pins(home)}

    def revoking(self, match: dict[str, str], issued: str | None = None) -> Changes:
        """Put a revocation list beside a trust file of its own."""
        folder = self._folders.mktemp("revocations")
        entry = {**match, "action": "block-load", "reason": "stolen key", "url": "https://example.com/1"}
        stamp = issued or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        document = {"schema": 1, "sequence": 1, "issued": stamp, "entries": [entry]}
        path = folder / "revocations.json"
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        return {"trust": replace(self.bench.trust, path=folder / "trust.toml")}

    def heeding(
        self,
        sequence: int = 0,
        match: Mapping[str, Any] | None = None,
        *,
        action: Any = "block-load",
        then: int = 0,
        **other: Any,
    ) -> Changes:
        """Name a revoker whose list, if it has a sequence, was taken in; list ``then`` is put in its place."""
        home = self._folders.mktemp("heeding")
        home.chmod(0o700)
        publisher = replace(self.bench.trust.publishers[0], registry="acme")
        revoker = Revoker("acme", publisher.signer)
        trust = replace(self.bench.trust, path=home / "trust.toml", publishers=(publisher,), revokers=(revoker,))
        if sequence:
            entry = Entry(action=action, reason="stolen key", url="https://example.com/1", **(match or {}))
            take_in(self._list(sequence, [entry]), trust, home, datetime.now(UTC))
        if then:
            Place(home, "acme").bundle.write_bytes(self._list(then, [], **other))
        return {"trust": trust, "revocations": Revocations(trust, home)}

    def _list(self, sequence: int, entries: list[Entry], revoker: str = "acme", by: Local | None = None) -> bytes:
        from sigstore.dsse import Statement

        now = datetime.now(UTC)
        document = Document(1, sequence, now, entries, now + timedelta(days=2))
        with (by or self.bench.instance).signer() as signer:
            return signer.sign_dsse(Statement(write_statement(revoker, document))).to_json().encode()

    def excepting(self, sha256: str, expires: date) -> Changes:
        exception = UnsignedException(sha256, "built here", expires)
        return {"trust": replace(self.bench.trust, loader=LoaderRules(unsigned=(exception,)))}

    @staticmethod
    def flip(data: bytes, position: int) -> bytes:
        return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]

    @staticmethod
    def edited(bundle: bytes, change: Callable[[Any], object]) -> bytes:
        document = json.loads(bundle)
        change(document)
        return json.dumps(document).encode()

    @staticmethod
    def entries(bundle: Any) -> list[Any]:
        entries: list[Any] = bundle["verificationMaterial"]["tlogEntries"]
        return entries

    @classmethod
    def flip64(cls, place: dict[str, str], key: str) -> None:
        data = base64.b64decode(place[key])
        place[key] = base64.b64encode(cls.flip(data, len(data) // 2)).decode()


def _record_digest(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")


def _archived(template: bytes, entries: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(template)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            target.writestr(entry, entries[entry.filename])
    return buffer.getvalue()


@pytest.fixture(scope="session")
def tools(bench, workshop, tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(bench, workshop, tmp_path_factory)


@pytest.mark.parametrize("name", CASES)
def test_refused_by_the_rule_that_names_it(name: str, bench, tools) -> None:
    rule, make = CASES[name]
    with pytest.raises(Refused) as refusal:
        bench.verify(**make(bench, tools))
    assert refusal.value.rule == rule
    assert isinstance(refusal.value, NotVerified)
    assert [step.number for step in refusal.value.steps] == list(range(1, refusal.value.number))
    assert refusal.value.help
    assert exit_code(refusal.value) == 5


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(CASES) >= 60


def test_the_cases_are_refused_for_what_was_changed(bench, tools) -> None:
    """Every helper the cases use leaves an acceptable wheel when it changes nothing."""
    assert bench.verify(bundle=tools.sign(bench.instance, bench.data)).verdict
    assert bench.verify(**tools.attested(lambda statement: None)).verdict
    assert bench.verify(**tools.resigned(bench.data)).verdict
    assert bench.verify(**tools.publishing("acme-*")).verdict
    assert bench.verify(**tools.consistent("provenance", lambda statement: None), **tools.demanding()).verdict
    assert bench.verify(**tools.exchanged("provenance", by=tools.bench.instance), sbom=bench.wheel.sbom).verdict
    assert bench.verify(**tools.revoking({"sha256": "0" * 64})).verdict
    assert bench.verify(**tools.heeding(1, {"sha256": "0" * 64}, then=2)).verdict
    assert bench.verify(**tools.heeding(1, {"sha256": bench.wheel.sha256}, action="yank")).marks == ("yanked",)
    assert bench.verify(bundle=tools.edited(bench.bundle, lambda bundle: None)).verdict
    assert bench.verify(trust=tools.with_rogue_root(bench.trust)).verdict
    assert bench.verify(policy=load_policy("default")).verdict
    assert bench.verify(**tools.pinned()).verdict
    assert bench.verify(**tools.pinned(highest="1.2.0", publisher={"root_sha256": "0" * 64})).verdict
    agreed = Consent(bench.wheel.sha256[:16], downgrade=True)
    assert bench.verify(**tools.pinned(highest="3.0", publisher=None, permissions=()), consent=agreed).verdict
    holding = [excepting("9999-12-31"), excepting("2020-01-01", excepted=0)]
    assert bench.verify(**tools.extended(lambda extension: extension.update(exceptions=holding))).verdict


def test_every_rule_of_trust_is_documented_and_has_a_case() -> None:
    from theodore_plugin.rules.trust.refusals import TRUST_RULES

    elsewhere = {"decision-not-recorded", "decision-record-broken"}  # about the host's record: test_decisions.py
    assert {rule.name for rule in TRUST_RULES} - elsewhere <= {rule for rule, _ in CASES.values()}
