"""Another verifier's word: a wheel that is signed already is checked again, and the answer is put beside it.

The publisher's bundle and everybody else's lines stay as they are, byte for byte. A verifier has one verdict under one
policy beside a wheel: the newer replaces its own older, and with it the audits that no other verdict rests on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.policy import Policy
from theodore_loader.trust.attestations import authenticate_publisher, lines
from theodore_loader.trust.certificate import identity_of
from theodore_loader.trust.files import SignedFiles, attestations_path, read_signed
from theodore_loader.trust.predicates import KINDS
from theodore_loader.trust.signatures import Signatures
from theodore_loader.trust.statements import DigestSet, InputAttestation
from theodore_loader.trust.trust_file import TrustFile
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.report.model import Report
from theodore_plugin.signing.beside import locked
from theodore_plugin.signing.evidence import NOTHING_KNOWN, Background, Payload, audit_payload, verdict_payload
from theodore_plugin.signing.instances import SigningInstance, verifier_id
from theodore_plugin.signing.lines import Line, Mine, refuse_overflow, without_superseded
from theodore_plugin.signing.oidc import SigningError
from theodore_plugin.signing.sign import SignedStatement, refuse_unsignable, sign_payload, signed_statements

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle


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
    mine = Mine(certificate, verifier_id(identity_of(certificate)), policy.digest)
    target = attestations_path(path)
    with locked(path.parent):
        known = [Line.read(line) for line in _present(path)]
        kept = without_superseded(known, mine, payloads)
        refuse_overflow(target, len(kept) + len(made))
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
    """Sign the audit, learn from the certificate as whom, and sign the verdict that names both.

    Where there is no audit and only the certificate says as whom, an empty file is signed to see it: a signer of
    sigstore keeps its certificate to itself until it has signed something, and what it signs goes into the log. An
    empty file says nothing about anything; the wheel would make a verifier look like a publisher, and a verdict that is
    signed to be thrown away could be in a wrong name. This machine's instance is not asked: it mints its own token.
    """
    audit = audit_payload(wheel, report, background)
    rests_on = [*considered, *([audit.reference] if audit else [])]
    with instance.signer() as signer:
        first = sign_payload(signer, audit) if audit else None
        seen = first or (None if instance.is_certain else signer.sign_artifact(b""))
        name = verifier_id(identity_of(seen.signing_certificate)) if seen else instance.verifier_id
        verdict = verdict_payload(wheel, report, policy, name, background, rests_on)
        word = sign_payload(signer, verdict)
    _refuse_other_name(word, name)
    made = [(verdict, word), *([(audit, first)] if audit and first else [])]
    bundles = [bundle.to_json().encode() for _, bundle in made]
    return word.signing_certificate, [payload for payload, _ in made], bundles


def _refuse_other_name(bundle: Bundle, name: str) -> None:
    """Write nothing that is signed by another than it speaks for: no host would believe it."""
    signed = verifier_id(identity_of(bundle.signing_certificate))
    if signed != name:
        raise SigningError(f"the certificate names {signed}, and {name} was asked for", help="nothing was written")


def _present(path: Path) -> list[bytes]:
    data = read_signed(path).attestations
    return lines(data) if data and data.strip() else []
