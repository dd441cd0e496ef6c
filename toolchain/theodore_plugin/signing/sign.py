"""Signing a wheel: one certificate, a signature over the wheel and one over each statement about it.

The wheel's bytes are read once, held against the report of a check of those very bytes, and signed; the statements are
signed with the same certificate. Nothing is written before every signature exists, and the bundle is written last: a
bundle beside a wheel means that its statements and its SBOM are there too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import LoaderError
from theodore_loader.policy import Policy
from theodore_loader.trust.files import attestations_path, bundle_path, sbom_path
from theodore_plugin.finding import Verdict as Outcome
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.report.model import Report
from theodore_plugin.signing.beside import locked
from theodore_plugin.signing.evidence import (
    NOTHING_KNOWN,
    Background,
    Payload,
    ordered,
    publishers_payloads,
    verifiers_payloads,
)
from theodore_plugin.signing.instances import SigningInstance


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
    """What was signed, by whom, and where the signatures are. ``log_indexes``: the wheel's, then the statements'."""

    sha256: str
    identity: str
    instance: str
    log_indexes: tuple[int, ...]
    statements: tuple[SignedStatement, ...]
    bundle: Path
    attestations: Path
    sbom: Path | None


def read_wheel(path: Path) -> Wheel:
    """Read the wheel to be signed, strictly: what a host would refuse is not worth a signature."""
    wheel = Wheel.read(path.read_bytes(), path.name)
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

    Raises :class:`NotSigned` unless the report passed, LoaderError if it is about a part of what was found or about
    other bytes, or if signing failed.
    """
    refuse_unsignable(path, wheel, report)
    stated = publishers_payloads(wheel, instance.verifier_id, background)
    considered = [payload.reference for payload in stated]
    judged = verifiers_payloads(wheel, report, policy, instance.verifier_id, background, considered)
    payloads = ordered([*stated, *judged])
    bundle, statements = signatures(wheel, payloads, instance)
    with locked(path.parent):
        if wheel.sbom is not None:
            write_atomically(sbom_path(path), wheel.sbom)
        write_atomically(attestations_path(path), "".join(f"{line}\n" for line in statements).encode())
        write_atomically(bundle_path(path), bundle.encode() + b"\n")
    indexes = [log_index(one) for one in (bundle, *statements)]
    return Signed(
        wheel.sha256,
        instance.identity,
        instance.label,
        tuple(indexes),
        signed_statements(payloads, indexes[1:]),
        bundle_path(path),
        attestations_path(path),
        sbom_path(path) if wheel.sbom is not None else None,
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


def signatures(wheel: Wheel, payloads: Sequence[Payload], instance: SigningInstance) -> tuple[str, list[str]]:
    """Return the publisher's bundle and those of the statements, each as one line of JSON."""
    from sigstore.dsse import Statement

    statements = [Statement(payload.data) for payload in payloads]
    with instance.signer() as signer:
        bundle = signer.sign_artifact(wheel.data).to_json()
        return bundle, [signer.sign_dsse(statement).to_json() for statement in statements]


def signed_statements(payloads: Sequence[Payload], indexes: Sequence[int]) -> tuple[SignedStatement, ...]:
    """Return what was signed, in words."""
    pairs = zip(payloads, indexes, strict=True)
    return tuple(SignedStatement(one.label, one.reference.digest.sha256, index) for one, index in pairs)


def log_index(bundle: str) -> int:
    """Return where the log has a bundle's signature."""
    return int(json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]["logIndex"])
