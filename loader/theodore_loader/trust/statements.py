"""in-toto statements and the verdict inside them.

A verdict is a SLSA Verification Summary (VSA 1.0, https://slsa.dev/spec/v1.0/verification_summary) in an in-toto
Statement v1, with one extension field, ``urn:theodore:vsa:1``. The same types write and read it, and reading is strict:
a field that is unknown, missing or of another type makes the statement invalid. The published schema is
``policies/schemas/verdict.schema.json``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from theodore_loader import strict_json
from theodore_loader.trust.files import MAX_BUNDLE

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
VSA_TYPE = "https://slsa.dev/verification_summary/v1"
EXTENSION = "urn:theodore:vsa:1"
CHECK_PASSED = "THEODORE_CHECK_PASSED"
"""The level a PASSED verdict states. SLSA build levels are not ours to claim."""
OTHER_TYPES = frozenset(
    {
        "https://slsa.dev/provenance/v1",
        "https://in-toto.io/attestation/vulns/v0.1",
        "https://in-toto.io/attestation/reference/v0.1",
    }
)
"""Statements that may lie beside a verdict; they are authenticated and must name the wheel, no more."""


class StatementInvalid(ValueError):
    """The payload is not a statement of the expected form; the message says where."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Immutable, and nothing but what is declared."""


class _Camel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The same in the spelling SLSA uses."""


class DigestSet(_Strict, frozen=True):
    """The one digest used here, SHA-256 in lower-case hex."""

    sha256: str


class Subject(_Strict, frozen=True):
    """What a statement is about: a file name and its digest."""

    name: str
    digest: DigestSet


class VerifierId(_Strict, frozen=True):
    """Who verified: an id the host's trust file pairs with a signer, and the versions of the tools used."""

    id: str
    version: dict[str, str] = {}


class PolicyReference(_Strict, frozen=True):
    """Which policy was applied."""

    uri: str
    digest: DigestSet


class InputAttestation(_Strict, frozen=True):
    """An attestation that was considered, by the digest of its payload."""

    uri: str
    digest: DigestSet


class CheckResult(_Strict, frozen=True):
    """How one check went; ``required`` is what the policy asked.

    A check that did not run is ``skipped``, never ``passed``; one that was given nothing to look at is ``empty``.
    """

    name: str
    version: str
    status: Literal["passed", "empty", "skipped", "failed"]
    required: bool
    sandbox: str
    detail: str = ""


class CoverageResult(_Strict, frozen=True):
    """How much of what one analyser was given it looked at; ``unit`` is ``file`` or ``package``."""

    analyser: str
    unit: str
    analysed: int
    skipped: int
    failed: int


class SuppressionResult(_Strict, frozen=True):
    """A suppression found in the source, used or not."""

    rules: list[str]
    location: str
    reason: str
    until: str | None
    silenced: int


class ExceptionResult(_Strict, frozen=True):
    """An exception of the policy about this plugin, used or not; ``excepted`` counts what it took out."""

    rules: list[str]
    place: str
    reason: str
    owner: str
    until: str
    excepted: int


class AdvisoryDatabase(_Strict, frozen=True):
    """Which vulnerability data was asked; ``date`` is that of its newest record (ISO 8601)."""

    source: str
    digest: str | None
    date: str | None


class Permissions(_Strict, frozen=True):
    """What the plugin asks for and what its source was seen to need, as ``type pattern``."""

    declared: list[str]
    inferred: list[str]


class RuleSet(_Strict, frozen=True):
    """The digest over the rules that were applied."""

    digest: DigestSet


class Extension(_Camel, frozen=True):
    """The field ``urn:theodore:vsa:1``: everything a host needs to judge the verdict itself."""

    permissions: Permissions
    checks: list[CheckResult]
    coverage: list[CoverageResult]
    suppressions: list[SuppressionResult]
    advisories: AdvisoryDatabase | None
    rule_set: RuleSet
    sandbox: str
    skipped: list[str]
    exceptions: list[ExceptionResult] = []


class Verdict(_Camel, frozen=True):
    """The predicate: who verified what, when, against which policy, and with which result."""

    verifier: VerifierId
    time_verified: datetime
    resource_uri: str
    policy: PolicyReference
    input_attestations: list[InputAttestation]
    verification_result: Literal["PASSED", "FAILED"]
    verified_levels: list[str]
    slsa_version: str
    extension: Extension = msgspec.field(name=EXTENSION)


class Statement(_Camel, frozen=True):
    """An in-toto Statement v1 about exactly one subject."""

    type: str = msgspec.field(name="_type")
    subject: list[Subject]
    predicate_type: str
    predicate: dict[str, Any]


def resource_uri(name: str, version: str) -> str:
    """Return the package URL of a distribution, the ``resourceUri`` of its verdicts (purl-spec, type pypi)."""
    return f"pkg:pypi/{quote(name, safe='')}@{quote(version, safe='')}"


def write_verdict(verdict: Verdict, filename: str, sha256: str) -> bytes:
    """Return the statement that says ``verdict`` about the wheel ``filename`` with digest ``sha256``."""
    subject = [Subject(filename, DigestSet(sha256))]
    statement = Statement(STATEMENT_TYPE, subject, VSA_TYPE, msgspec.to_builtins(verdict))
    return strict_json.canonical(msgspec.to_builtins(statement))


def read_statement(payload: bytes) -> Statement:
    """Read a statement from untrusted bytes; raises :class:`StatementInvalid`."""
    try:
        statement = msgspec.convert(strict_json.loads(payload, max_bytes=MAX_BUNDLE), Statement)
    except (strict_json.JsonError, msgspec.ValidationError) as error:
        raise StatementInvalid(str(error)) from None
    if statement.type != STATEMENT_TYPE:
        raise StatementInvalid(f"_type is {statement.type!r}, not {STATEMENT_TYPE}")
    return statement


def read_verdict(statement: Statement) -> Verdict:
    """Read the verdict a VSA statement carries; raises :class:`StatementInvalid`."""
    try:
        verdict = msgspec.convert(statement.predicate, Verdict)
    except msgspec.ValidationError as error:
        raise StatementInvalid(str(error)) from None
    if verdict.time_verified.tzinfo is None:
        raise StatementInvalid("timeVerified has no time zone")
    return verdict
