"""Signing a wheel: one certificate, two signatures, two files beside the wheel.

The wheel's bytes are read once, held against the report of a check of those very bytes, and signed; the verdict is
signed with the same certificate. Nothing is written before both signatures exist, and the bundle is written last: a
bundle beside a wheel means that its verdict is there too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import LoaderError
from theodore_loader.policy import Policy
from theodore_loader.trust.files import attestations_path, bundle_path
from theodore_loader.trust.statements import write_verdict
from theodore_plugin.finding import Verdict as Outcome
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.report.model import Report
from theodore_plugin.signing.attest import verdict_of
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
class Signed:
    """What was signed, by whom, and where the signatures are."""

    sha256: str
    identity: str
    instance: str
    log_indexes: tuple[int, int]
    bundle: Path
    attestations: Path


def read_wheel(path: Path) -> Wheel:
    """Read the wheel to be signed, strictly: what a host would refuse is not worth a signature."""
    wheel = Wheel.read(path.read_bytes(), path.name)
    wheel.manifest  # noqa: B018 - raises for a wheel that no host could load
    return wheel


def sign(path: Path, wheel: Wheel, report: Report, policy: Policy, instance: SigningInstance) -> Signed:
    """Sign ``wheel``, read from ``path``, and the verdict of ``report`` about it; writes both files beside it.

    Raises :class:`NotSigned` unless the report passed, LoaderError if it is about a part of what was found or about
    other bytes, or if signing failed.
    """
    if report.verdict is not Outcome.PASS:
        raise NotSigned(report)
    if not report.whole:
        raise LoaderError(
            f"not signed: the verdict on {report.project.path} is not over everything that was found",
            help="check it without --select, --ignore, --min-confidence, --baseline and --as-library",
        )
    if report.project.sha256 != wheel.sha256:
        raise LoaderError(f"{path} changed while it was checked", help="nothing was signed; sign it again")
    bundle, verdict = _signatures(wheel, report, policy, instance)
    write_atomically(attestations_path(path), verdict.encode() + b"\n")
    write_atomically(bundle_path(path), bundle.encode() + b"\n")
    return Signed(
        wheel.sha256,
        instance.identity,
        instance.label,
        (_log_index(bundle), _log_index(verdict)),
        bundle_path(path),
        attestations_path(path),
    )


def _signatures(wheel: Wheel, report: Report, policy: Policy, instance: SigningInstance) -> tuple[str, str]:
    """Return the publisher's bundle and the verdict's, both as one line of JSON."""
    from sigstore.dsse import Statement

    verdict = verdict_of(report, policy, instance.verifier_id, datetime.now(UTC))
    statement = Statement(write_verdict(verdict, wheel.filename, wheel.sha256))
    with instance.signer() as signer:
        return signer.sign_artifact(wheel.data).to_json(), signer.sign_dsse(statement).to_json()


def _log_index(bundle: str) -> int:
    return int(json.loads(bundle)["verificationMaterial"]["tlogEntries"][0]["logIndex"])
