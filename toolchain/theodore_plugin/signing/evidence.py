"""The statements that are signed with a wheel, as payloads, in the order of their lines.

The verdict names the others by the digests of their payloads, so it is written last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.policy import Policy
from theodore_loader.trust.files import sbom_path
from theodore_loader.trust.predicates import KINDS
from theodore_loader.trust.provenance import PROVENANCE_TYPE, Provenance
from theodore_loader.trust.references import REFERENCE_TYPE, References
from theodore_loader.trust.statements import (
    VSA_TYPE,
    DigestSet,
    InputAttestation,
    SourceResult,
    payload_digest,
    write_statement,
    write_verdict,
)
from theodore_loader.trust.vulnerabilities import VULNERABILITIES_TYPE
from theodore_plugin.packaging.build_record import BuildRecord
from theodore_plugin.report.model import Report
from theodore_plugin.signing.attest import verdict_of
from theodore_plugin.signing.provenance import provenance_of
from theodore_plugin.signing.sbom_reference import reference_to
from theodore_plugin.signing.vulnerabilities import vulnerabilities_of

ORDER = (PROVENANCE_TYPE, VSA_TYPE, VULNERABILITIES_TYPE, REFERENCE_TYPE)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Background:
    """What is known of a wheel beside the report of its check: when that began, its build, its source.

    ``lack`` says why no build is known.
    """

    started: datetime | None = None
    build: BuildRecord | None = None
    source: SourceResult | None = None
    lack: str = ""


NOTHING_KNOWN = Background()


@dataclass(frozen=True, slots=True)
class Payload:
    """One statement to sign: its predicate type and its bytes."""

    type: str
    data: bytes

    @property
    def label(self) -> str:
        """What to call it."""
        return KINDS[self.type].label

    @property
    def reference(self) -> InputAttestation:
        """How a verdict names it."""
        return InputAttestation(self.type, DigestSet(payload_digest(self.data)))


def publishers_payloads(wheel: Wheel, signer: str, background: Background) -> list[Payload]:
    """Return what a publisher states: provenance where the build is known, a reference where there is an SBOM."""
    found: list[tuple[str, Provenance | References]] = []
    if background.build is not None:
        found.append((PROVENANCE_TYPE, provenance_of(background.build, signer)))
    if wheel.sbom is not None:
        found.append((REFERENCE_TYPE, reference_to(wheel.sbom, sbom_path(Path(wheel.filename)).name, signer)))
    return [Payload(kind, write_statement(kind, one, wheel.filename, wheel.sha256)) for kind, one in found]


def audit_payload(wheel: Wheel, report: Report, background: Background) -> Payload | None:
    """Return what the audit of the check established, if there was one."""
    now = _now()
    audit = vulnerabilities_of(report, background.started or now, now)
    if audit is None:
        return None
    return Payload(VULNERABILITIES_TYPE, write_statement(VULNERABILITIES_TYPE, audit, wheel.filename, wheel.sha256))


def verdict_payload(
    wheel: Wheel,
    report: Report,
    policy: Policy,
    verifier_id: str,
    background: Background,
    considered: Sequence[InputAttestation],
) -> Payload:
    """Return the verdict, which rests on what was ``considered``."""
    verdict = verdict_of(report, policy, verifier_id, _now(), inputs=considered, source=background.source)
    return Payload(VSA_TYPE, write_verdict(verdict, wheel.filename, wheel.sha256))


def all_payloads(wheel: Wheel, report: Report, policy: Policy, signer: str, background: Background) -> list[Payload]:
    """Return what one who is both publisher and verifier states, in the order of the lines."""
    audit = audit_payload(wheel, report, background)
    stated = [*publishers_payloads(wheel, signer, background), *([audit] if audit else [])]
    considered = [payload.reference for payload in stated]
    verdict = verdict_payload(wheel, report, policy, signer, background, considered)
    return sorted([*stated, verdict], key=lambda payload: ORDER.index(payload.type))
