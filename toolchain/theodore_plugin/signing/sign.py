"""Signing a wheel: one certificate, a signature over the wheel and one over each statement about it.

The wheel's bytes are read once, held against the report of a check of those very bytes, and signed; the statements are
signed with the same certificate. What others state about these very bytes stays beside them. Nothing is written before
every signature exists, and the bundle is written last: a bundle beside a wheel means that its statements and its SBOM
are there too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import LoaderError
from theodore_loader.policy import Policy
from theodore_loader.regular_file import read_regular
from theodore_loader.trust.attestations import split_lines
from theodore_loader.trust.certificate import identity_of
from theodore_loader.trust.files import MAX_WHEEL, attestations_path, bundle_path, read_attestations, sbom_path
from theodore_loader.trust.origin import refuse_mismatch
from theodore_loader.trust.provenance import Origin
from theodore_plugin.finding import Verdict as Outcome
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.report.model import Report
from theodore_plugin.signing.beside import locked
from theodore_plugin.signing.evidence import NOTHING_KNOWN, Background, Payload, all_payloads
from theodore_plugin.signing.instances import SigningInstance, verifier_id
from theodore_plugin.signing.lines import Mine, about, refuse_overflow, without_superseded

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import Bundle
    from sigstore.sign import Signer


class NotSigned(LoaderError):
    """The check did not pass, so there is nothing to vouch for; ``report`` says why."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(
            f"not signed: the check of {report.project.path} ended {report.verdict.value}",
            help="do what helps with what was not looked at, then sign"
            if report.verdict is Outcome.INCOMPLETE
            else "mend what the report names, package again, then sign",
        )


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """One signed statement: what to call it, its digest, and where the log has its signature."""

    label: str
    sha256: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, by whom, and where the signatures are; ``log_index`` is that of the wheel's signature.

    ``kept`` lines were beside the wheel and stay; ``left_out`` were there, too, and are no statement about these bytes,
    or one that does not verify.
    """

    sha256: str
    identity: str
    instance: str
    log_index: int
    statements: tuple[SignedStatement, ...]
    bundle: Path
    attestations: Path
    sbom: Path | None
    kept: int = 0
    left_out: int = 0


def read_wheel(path: Path) -> Wheel:
    """Read the wheel to be signed, strictly: what a host would refuse is not worth a signature."""
    wheel = Wheel.read(read_regular(path, MAX_WHEEL), path.name)
    wheel.manifest  # noqa: B018 - raises for a wheel that no host could load
    return wheel


def sign(
    path: Path,
    wheel: Wheel,
    report: Report,
    policy: Policy,
    instance: SigningInstance,
    background: Background = NOTHING_KNOWN,
) -> Signed:
    """Sign ``wheel``, read from ``path``, and the statements about it; writes the files beside it.

    Raises :class:`NotSigned` unless the report passed, Refused if the build was of another repository than the wheel
    names, LoaderError if the report is about a part of what was found or about other bytes, or if signing failed.
    """
    refuse_unsignable(path, wheel, report)
    _refuse_other_source(wheel, background)
    made = _made(wheel, instance, lambda signer: all_payloads(wheel, report, policy, signer, background))
    kept, left_out = _write(path, wheel, policy, made, instance)
    return Signed(
        wheel.sha256,
        identity_of(made.certificate),
        instance.label,
        log_index(made.bundle),
        signed_statements(made.payloads, made.lines),
        bundle_path(path),
        attestations_path(path),
        sbom_path(path) if wheel.sbom is not None else None,
        kept,
        left_out,
    )


def refuse_unsignable(path: Path, wheel: Wheel, report: Report) -> None:
    """Raise :class:`NotSigned` or LoaderError unless ``report`` is a whole one that passed, about these bytes."""
    if report.verdict is not Outcome.PASS:
        raise NotSigned(report)
    if not report.whole:
        raise LoaderError(
            f"not signed: the verdict on {report.project.path} is not over everything that was found",
            help="check it without --select, --ignore, --min-confidence, --baseline and --as-library",
        )
    if report.project.sha256 != wheel.sha256:
        raise LoaderError(f"{path} changed while it was checked", help="nothing was signed; sign it again")


def _refuse_other_source(wheel: Wheel, background: Background) -> None:
    """Refuse here what every host would refuse."""
    tree = background.build.tree if background.build else None
    if tree is not None:
        refuse_mismatch(Origin(tree.repository, tree.commit), wheel, wheel.manifest.info.homepage)


@dataclass(frozen=True, slots=True)
class _Made:
    """All signatures of one certificate, each as one line of JSON."""

    certificate: Certificate
    bundle: str
    payloads: Sequence[Payload]
    lines: Sequence[str]


def _made(wheel: Wheel, instance: SigningInstance, payloads: Callable[[str], Sequence[Payload]]) -> _Made:
    """Sign the wheel, learn from the certificate as whom, and sign the statements that name it."""
    with instance.signer() as signer:
        bundle = signer.sign_artifact(wheel.data)
        stated = payloads(verifier_id(identity_of(bundle.signing_certificate)))
        lines = [sign_payload(signer, payload).to_json() for payload in stated]
        return _Made(bundle.signing_certificate, bundle.to_json(), stated, lines)


def sign_payload(signer: Signer, payload: Payload) -> Bundle:
    """Return the bundle of a statement."""
    from sigstore.dsse import Statement

    return signer.sign_dsse(Statement(payload.data))


def _write(path: Path, wheel: Wheel, policy: Policy, made: _Made, instance: SigningInstance) -> tuple[int, int]:
    """Write all files, and return how many lines of before stay, and how many were no statement about these bytes."""
    mine = Mine(made.certificate, verifier_id(identity_of(made.certificate)), policy.digest)
    target = attestations_path(path)
    with locked(path.parent):
        found = split_lines(read_attestations(path))
        refuse_overflow(target, len(found))  # no host reads such a file, and to look at each line takes long
        known = about(wheel, found, instance.trusted_root())
        kept = [line.data for line in without_superseded(known, mine, made.payloads)]
        refuse_overflow(target, len(kept) + len(made.lines))
        if wheel.sbom is not None:
            write_atomically(sbom_path(path), wheel.sbom)
        written = [*(line.encode() for line in made.lines), *kept]
        write_atomically(target, b"".join(line + b"\n" for line in written))
        write_atomically(bundle_path(path), made.bundle.encode() + b"\n")
    return len(kept), len(found) - len(known)


def signed_statements(payloads: Sequence[Payload], lines: Sequence[str]) -> tuple[SignedStatement, ...]:
    """Return what was signed, in words."""
    pairs = zip(payloads, lines, strict=True)
    return tuple(SignedStatement(one.label, one.reference.digest.sha256, log_index(line)) for one, line in pairs)


def log_index(bundle: str) -> int:
    """Return where the log has a bundle's signature."""
    return int(json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]["logIndex"])
