"""in-toto statements, and the verdict, the one that decides; the others have modules of their own (:mod:`.predicates`).

A verdict is a SLSA Verification Summary (VSA 1.0, https://slsa.dev/spec/v1.0/verification_summary) in an in-toto
Statement v1, with one extension field, ``urn:theodore:vsa:1``. The same types write and read it, and reading is strict:
a field that is unknown, missing or of another type makes the statement invalid. The published schema is
``policies/schemas/verdict.schema.json``.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal, TypeVar
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
_Read = TypeVar("_Read")


class StatementInvalid(ValueError):
    """The payload is not a statement of the expected form; the message says where."""


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Immutable, and nothing but what is declared."""


class Camel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The same in the spelling SLSA uses."""


class DigestSet(Strict, frozen=True):
    """The one digest used here, SHA-256 in lower-case hex."""

    sha256: str


class Subject(Strict, frozen=True):
    """What a statement is about: a file name and its digest."""

    name: str
    digest: DigestSet


class Descriptor(Camel, frozen=True):
    """An in-toto resource descriptor v1: any of its fields, at least one that identifies something."""

    uri: str | msgspec.UnsetType = msgspec.UNSET
    digest: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    download_location: str | msgspec.UnsetType = msgspec.UNSET
    media_type: str | msgspec.UnsetType = msgspec.UNSET
    content: str | msgspec.UnsetType = msgspec.UNSET
    annotations: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class VerifierId(Strict, frozen=True):
    """Who verified: an id the host's trust file pairs with a signer, and the versions of the tools used."""

    id: str
    version: dict[str, str] = {}


class PolicyReference(Strict, frozen=True):
    """Which policy was applied."""

    uri: str
    digest: DigestSet


class InputAttestation(Strict, frozen=True):
    """An attestation that was considered, by the digest of its payload."""

    uri: str
    digest: DigestSet


class CheckResult(Strict, frozen=True):
    """How one check went; ``required`` is what the policy asked.

    A check that did not run is ``skipped``, never ``passed``; one that was given nothing to look at is ``empty``.
    """

    name: str
    version: str
    status: Literal["passed", "empty", "skipped", "failed"]
    required: bool
    sandbox: str
    detail: str = ""


class CoverageResult(Strict, frozen=True):
    """How much of what one analyser was given it looked at; ``unit`` is ``file`` or ``package``."""

    analyser: str
    unit: str
    analysed: int
    skipped: int
    failed: int


class SuppressionResult(Strict, frozen=True):
    """A suppression found in the source, used or not."""

    rules: list[str]
    location: str
    reason: str
    until: str | None
    silenced: int


class ExceptionResult(Strict, frozen=True):
    """An exception of the policy about this plugin, used or not; ``excepted`` counts what it took out."""

    rules: list[str]
    place: str
    reason: str
    owner: str
    until: str
    excepted: int


class AdvisoryDatabase(Strict, frozen=True):
    """Which vulnerability data was asked; ``date`` is that of its newest record (ISO 8601)."""

    source: str
    digest: str | None
    date: str | None


class Permissions(Strict, frozen=True):
    """What the plugin asks for and what its source was seen to need, as ``type pattern``."""

    declared: list[str]
    inferred: list[str]


class SourceResult(Strict, frozen=True):
    """How the wheel compares with the source it was held against.

    ``built``: the verifier built it from there itself. ``rebuilt``: the source builds this very wheel, byte for byte.
    ``compared``: the source's files are in it unchanged. ``commit`` is that of a clean tree. ``reproducible`` tells
    whether builds under different circumstances agreed, if that was tried.
    """

    kind: Literal["built", "rebuilt", "compared"]
    commit: str | None
    reproducible: bool | None


class RuleSet(Strict, frozen=True):
    """The digest over the rules that were applied."""

    digest: DigestSet


class Extension(Camel, frozen=True):
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
    source: SourceResult | None = None


class Verdict(Camel, frozen=True):
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


class Statement(Camel, frozen=True):
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
    return write_statement(VSA_TYPE, verdict, filename, sha256)


def write_statement(predicate_type: str, predicate: msgspec.Struct, filename: str, sha256: str) -> bytes:
    """Return the one spelling of a statement about the wheel ``filename`` with digest ``sha256``."""
    subject = [Subject(filename, DigestSet(sha256))]
    statement = Statement(STATEMENT_TYPE, subject, predicate_type, msgspec.to_builtins(predicate))
    return strict_json.canonical(msgspec.to_builtins(statement))


def payload_digest(payload: bytes) -> str:
    """Return the SHA-256 a statement is referred to by, its payload's: bundles are malleable, payloads are not."""
    return hashlib.sha256(payload).hexdigest()


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
    verdict = converted(statement.predicate, Verdict)
    zoned("timeVerified", verdict.time_verified)
    return verdict


def converted(value: Any, form: type[_Read], where: str = "") -> _Read:
    """Read plain data as ``form``, strictly; raises :class:`StatementInvalid`, which says ``where``."""
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        raise StatementInvalid(f"{where}: {error}" if where else str(error)) from None


def zoned(field: str, moment: datetime | msgspec.UnsetType) -> None:
    """Raise :class:`StatementInvalid` for a time that could mean several moments."""
    if moment is not msgspec.UNSET and moment.tzinfo is None:
        raise StatementInvalid(f"{field} has no time zone")
