"""From a report to the verdict that is signed: what was checked, what was not, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from theodore_loader.permissions import Permission
from theodore_loader.policy import Policy
from theodore_loader.sandbox.tier import Tier
from theodore_loader.trust.statements import (
    CHECK_PASSED,
    AdvisoryDatabase,
    CheckResult,
    CoverageResult,
    DigestSet,
    ExceptionResult,
    Extension,
    InputAttestation,
    Permissions,
    PolicyReference,
    RuleSet,
    SourceResult,
    SuppressionResult,
    Verdict,
    VerifierId,
    resource_uri,
)
from theodore_plugin.coverage import State
from theodore_plugin.finding import Verdict as Outcome
from theodore_plugin.report.model import AdvisoryLabel, PermissionTable, Report, ScannerRun

SLSA_VERSION = "1.0"
_STATUS = {"ok": "passed", "skipped": "empty"}
"""A scanner that ran, and one that was given nothing to look at. Whatever else happened, it did not run."""


def verdict_of(
    report: Report,
    policy: Policy,
    verifier_id: str,
    now: datetime,
    *,
    inputs: Sequence[InputAttestation] = (),
    source: SourceResult | None = None,
) -> Verdict:
    """Return the verdict a verifier states about a checked wheel; only a whole report that passed has one.

    ``inputs`` are the statements that were considered, ``source`` how the wheel compares with its source.
    """
    if report.verdict is not Outcome.PASS:
        raise ValueError(f"a {report.verdict.value} report has no verdict to sign")
    if not report.whole:
        raise ValueError("a report over selected rules, or one that rests on a baseline, has no verdict to sign")
    tools = {run.name: run.version for run in report.scanners}
    return Verdict(
        verifier=VerifierId(verifier_id, {"theodore-plugin": report.tool_version, **tools}),
        time_verified=now.replace(microsecond=0),
        resource_uri=resource_uri(report.project.name, report.project.version),
        policy=PolicyReference(f"urn:theodore:policy:{report.policy.name}", DigestSet(report.policy.digest)),
        input_attestations=list(inputs),
        verification_result="PASSED",
        verified_levels=[CHECK_PASSED],
        slsa_version=SLSA_VERSION,
        extension=_extension(report, policy, source),
    )


def _extension(report: Report, policy: Policy, source: SourceResult | None) -> Extension:
    checks = [_check(run, policy) for run in report.scanners]
    return Extension(
        permissions=_permissions(report.permissions),
        checks=checks,
        coverage=[
            CoverageResult(
                account.analyser,
                account.unit,
                *(account.count(state) for state in (State.ANALYSED, State.SKIPPED, State.FAILED)),
            )
            for account in report.coverage
        ],
        suppressions=[
            SuppressionResult(
                list(record.rules),
                str(record.location),
                record.reason,
                record.until.isoformat() if record.until else None,
                len(record.silenced),
            )
            for record in report.suppressions
        ],
        advisories=_advisories(report.advisories),
        rule_set=RuleSet(DigestSet(report.rule_set)),
        sandbox=_weakest(run.sandbox for run in report.scanners if run.status == "ok" and run.sandbox),
        skipped=[f"{check.name}: {check.detail}" for check in checks if check.status == "skipped"],
        exceptions=[
            ExceptionResult(list(one.rules), one.place, one.reason, one.owner, one.until.isoformat(), len(one.excepted))
            for one in report.exceptions
        ],
        source=source,
    )


def _check(run: ScannerRun, policy: Policy) -> CheckResult:
    setting = policy.scanner(run.name)
    status = _STATUS.get(run.status, "skipped") if setting.enabled else "skipped"
    required = setting.required and setting.enabled
    return CheckResult(run.name, run.version, status, required, run.sandbox, run.detail)  # type: ignore[arg-type]


def _permissions(table: PermissionTable) -> Permissions:
    declared = {str(Permission.parse(one.type, one.pattern)) for one in table.declared}
    inferred = {" ".join((one.type, one.access, one.target or "*")) for one in table.inferred}
    return Permissions(sorted(declared), sorted(inferred))


def _advisories(label: AdvisoryLabel | None) -> AdvisoryDatabase | None:
    return AdvisoryDatabase(label.source, label.digest, label.date) if label else None


def _weakest(sandboxes: Iterable[str]) -> str:
    """Return the weakest tier any tool ran in; a name that is no tier counts as none."""
    tiers = [Tier.__members__.get(name.upper(), Tier.NONE) for name in sandboxes]
    return min(tiers, default=Tier.NONE).name.lower()
