"""Another verifier's word: a wheel that is signed already is checked again, and the answer is put beside it.

The publisher's bundle and everybody else's lines stay as they are, byte for byte. A verifier has one verdict under one
policy beside a wheel: the newer replaces its own older, and with it the audits that no other verdict rests on.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy import Policy
from theodore_loader.trust.attestations import authenticate_publisher, lines
from theodore_loader.trust.bundles import ParsedBundle, parse_bundle
from theodore_loader.trust.certificate import identity_of
from theodore_loader.trust.files import MAX_ATTESTATIONS, SignedFiles, attestations_path, read_signed
from theodore_loader.trust.predicates import KINDS
from theodore_loader.trust.signatures import Signatures
from theodore_loader.trust.statements import (
    VSA_TYPE,
    DigestSet,
    InputAttestation,
    Statement,
    StatementInvalid,
    payload_digest,
    read_statement,
    read_verdict,
)
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.vulnerabilities import VULNERABILITIES_TYPE
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.report.model import Report
from theodore_plugin.signing.beside import locked
from theodore_plugin.signing.evidence import NOTHING_KNOWN, Background, Payload, audit_payload, verdict_payload
from theodore_plugin.signing.instances import SigningInstance, verifier_id
from theodore_plugin.signing.sign import SignedStatement, refuse_unsignable, sign_payload, signed_statements

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class Attested:
    """What was put beside the wheel, by whom, what it rests on, and how many lines it replaced."""

    sha256: str
    identity: str
    instance: str
    statements: tuple[SignedStatement, ...]
    considered: tuple[str, ...]
    """Which of the publisher's statements the verdict names."""
    replaced: int
    kept: int
    attestations: Path


def attest(
    path: Path,
    wheel: Wheel,
    report: Report,
    policy: Policy,
    instance: SigningInstance,
    trust: TrustFile,
    background: Background = NOTHING_KNOWN,
) -> Attested:
    """Sign a verdict about ``wheel``, read from ``path``, and put it beside it.

    The verdict rests on the publisher's statements, where ``trust`` believes the publisher, and on an audit of its own.
    Raises as :func:`.sign.sign`, and ``Refused`` if what lies beside the wheel could be read by no host.
    """
    refuse_unsignable(path, wheel, report)
    considered = _considered(read_signed(path), trust, wheel)
    certificate, payloads, made = _made(wheel, report, policy, instance, background, considered)
    mine = _Mine(certificate, verifier_id(identity_of(certificate)), policy.digest)
    target = attestations_path(path)
    with locked(path.parent):
        known = [_Line.read(line) for line in _present(path)]
        kept = _without_own(known, mine)
        _refuse_overflow(target, len(kept) + len(made))
        write_atomically(target, b"".join(line + b"\n" for line in (*(one.data for one in kept), *made)))
    return Attested(
        wheel.sha256,
        identity_of(certificate),
        instance.label,
        signed_statements(payloads, [line.decode() for line in made]),
        tuple(KINDS[one.uri].label for one in considered),
        len(known) - len(kept),
        len(kept),
        target,
    )


def _considered(files: SignedFiles, trust: TrustFile, wheel: Wheel) -> list[InputAttestation]:
    """Return the statements of a publisher this machine believes, as a verdict names them."""
    if not (files.attestations or b"").strip():
        return []
    stated = authenticate_publisher(files.attestations, trust, Signatures(trust.roots), wheel.filename, wheel.sha256)
    return [InputAttestation(one.statement.predicate_type, DigestSet(one.sha256)) for one in stated]


def _made(
    wheel: Wheel,
    report: Report,
    policy: Policy,
    instance: SigningInstance,
    background: Background,
    considered: Sequence[InputAttestation],
) -> tuple[Certificate, list[Payload], list[bytes]]:
    """Sign the audit, learn from the certificate as whom, and sign the verdict that names both."""
    audit = audit_payload(wheel, report, background)
    rests_on = [*considered, *([audit.reference] if audit else [])]
    with instance.signer() as signer:
        first = sign_payload(signer, audit) if audit else signer.sign_artifact(b"")  # an empty file says nothing
        certificate = first.signing_certificate
        name = verifier_id(identity_of(certificate))
        verdict = verdict_payload(wheel, report, policy, name, background, rests_on)
        made = [(verdict, sign_payload(signer, verdict)), *([(audit, first)] if audit else [])]
    return certificate, [payload for payload, _ in made], [bundle.to_json().encode() for _, bundle in made]


@dataclass(frozen=True, slots=True)
class _Mine:
    """What makes a verdict one of mine: the certificate's authority and identity, the verifier id, and the policy."""

    certificate: Certificate
    id: str
    policy: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as it is in the file, and what it says; nothing of it is authenticated."""

    data: bytes
    bundle: ParsedBundle
    statement: Statement | None
    sha256: str

    @classmethod
    def read(cls, data: bytes) -> _Line:
        """Read one line; raises ``signature-invalid`` for what is no bundle."""
        bundle = parse_bundle(data)
        try:
            payload = base64.b64decode(bundle.document["dsseEnvelope"]["payload"])
            return cls(data, bundle, read_statement(payload), payload_digest(payload))
        except (KeyError, TypeError, ValueError, StatementInvalid):
            return cls(data, bundle, None, "")

    @property
    def rests_on(self) -> frozenset[str]:
        """Digests of the statements a verdict names."""
        try:
            inputs = read_verdict(self.statement).input_attestations if self._is(VSA_TYPE) and self.statement else []
        except StatementInvalid:
            return frozenset()
        return frozenset(one.digest.sha256 for one in inputs)

    def is_verdict_of(self, mine: _Mine) -> bool:
        """Tell whether this is a verdict by the same signer, as the same verifier, under the same policy."""
        if not (self._is(VSA_TYPE) and self.is_signed_by(mine)) or self.statement is None:
            return False
        try:
            verdict = read_verdict(self.statement)
        except StatementInvalid:
            return False
        return verdict.verifier.id == mine.id and verdict.policy.digest.sha256 == mine.policy

    def is_audit_of(self, mine: _Mine) -> bool:
        """Tell whether this is an audit by the same signer."""
        return self._is(VULNERABILITIES_TYPE) and self.is_signed_by(mine)

    def is_signed_by(self, mine: _Mine) -> bool:
        """Tell whether the certificate names the same identity, on the word of the same authority."""
        own, other = mine.certificate, self.bundle.bundle.signing_certificate
        try:
            return identity_of(own) == identity_of(other) and own.issuer == other.issuer and _aki(own) == _aki(other)
        except ValueError:
            return False

    def _is(self, kind: str) -> bool:
        return self.statement is not None and self.statement.predicate_type == kind


def _aki(certificate: Certificate) -> bytes | None:
    from cryptography.x509 import AuthorityKeyIdentifier, ExtensionNotFound

    try:
        return certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier).value.key_identifier
    except ExtensionNotFound:
        return None


def _present(path: Path) -> list[bytes]:
    data = read_signed(path).attestations
    return lines(data) if data and data.strip() else []


def _without_own(known: Sequence[_Line], mine: _Mine) -> list[_Line]:
    """Leave out the older verdict, and audits of the same signer that no remaining verdict rests on."""
    older = [line for line in known if line.is_verdict_of(mine)]
    dropped = frozenset[str]().union(*(line.rests_on for line in older))
    remaining = [line for line in known if line not in older]
    needed = frozenset[str]().union(*(line.rests_on for line in remaining))
    return [
        line
        for line in remaining
        if not (line.is_audit_of(mine) and line.sha256 in dropped and line.sha256 not in needed)
    ]


def _refuse_overflow(target: Path, count: int) -> None:
    if count > MAX_ATTESTATIONS:
        raise ConfigurationProblem(
            f"{target} would hold {count} attestations; hosts read {MAX_ATTESTATIONS}",
            help="remove verdicts that no longer count; nothing was written",
        )
