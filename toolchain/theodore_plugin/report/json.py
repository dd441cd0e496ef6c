"""The report for programs: JSON of version 1, described by ``policies/schemas/report.schema.json``.

One project is one report object; several are ``{"schema": 1, "verdict": the worst, "reports": [...]}``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from theodore_plugin.contracts.matrix import HostMatrix
from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Location, Step, Verdict
from theodore_plugin.fixes.model import Fix
from theodore_plugin.report.fingerprint import fingerprints
from theodore_plugin.report.model import (
    SCHEMA_VERSION,
    ExceptionRecord,
    PermissionTable,
    ProfileLabel,
    Report,
    ScannerRun,
    SuppressionRecord,
    blocks,
)

_WORST_FIRST = (Verdict.INCOMPLETE, Verdict.FAIL, Verdict.PASS)


def render(reports: Sequence[Report]) -> str:
    """Return all reports as one JSON document."""
    if len(reports) == 1:
        return to_json(reports[0])
    given = {report.verdict for report in reports}
    worst = next((verdict for verdict in _WORST_FIRST if verdict in given), Verdict.INCOMPLETE)
    several = {
        "schema": SCHEMA_VERSION,
        "verdict": worst.value,
        "reports": [to_json_dict(report) for report in reports],
    }
    return json.dumps(several, indent=2, ensure_ascii=True) + "\n"


def to_json(report: Report) -> str:
    """Return the report as JSON text, keys in the order of the schema."""
    return json.dumps(to_json_dict(report), indent=2, ensure_ascii=True) + "\n"


def to_json_dict(report: Report) -> dict[str, Any]:
    """Return the report as plain values."""
    project, advisories = report.project, report.advisories
    return {
        "schema": SCHEMA_VERSION,
        "tool": {"name": "theodore-plugin", "version": report.tool_version, "rule_set": report.rule_set},
        "project": {
            "name": project.name,
            "version": project.version,
            "path": project.path,
            "kind": project.kind,
            "sha256": project.sha256,
        },
        "policy": asdict(report.policy),
        "profile": _profile(report.profile),
        "verdict": report.verdict.value,
        "findings": _findings(report),
        "hidden": report.hidden,
        "hidden_by": list(report.hidden_by),
        "selection": asdict(report.selection) if report.selection else None,
        "baselined": [_finding(finding) for finding in report.baselined],
        "not_run": list(report.not_run),
        "suppressions": [_suppression(record) for record in report.suppressions],
        "exceptions": [_exception(record) for record in report.exceptions],
        "coverage": [_coverage(coverage) for coverage in report.coverage],
        "scanners": [_scanner(run) for run in report.scanners],
        "permissions": permissions_dict(report.permissions),
        "advisories": {"source": advisories.source, "digest": advisories.digest, "date": advisories.date}
        if advisories
        else None,
        "dependencies": [asdict(dependency) for dependency in report.dependencies],
        "hosts": _hosts(report.hosts),
        "seconds": report.seconds,
    }


def _findings(report: Report) -> list[dict[str, Any]]:
    made = fingerprints(report.findings, report.sources)
    return [
        {**_finding(finding), "fingerprint": fingerprint, **_fix(report.fix_of(finding))}
        for finding, fingerprint in zip(report.findings, made, strict=True)
    ]


def _fix(fix: Fix | None) -> dict[str, Any]:
    return {"fix": {"safe": fix.safe, "description": fix.description}} if fix else {}


def _profile(profile: ProfileLabel | None) -> dict[str, Any] | None:
    if profile is None:
        return None
    return {"name": profile.name, "digest": profile.digest, "differences": list(profile.differences)}


def _hosts(matrix: HostMatrix) -> dict[str, Any]:
    answers = [
        {
            "version": answer.version,
            "answer": answer.verdict.value,
            "findings": [_finding(finding) for finding in answer.findings],
        }
        for answer in matrix.answers
    ]
    return {"range": matrix.wanted, "known": list(matrix.known), "answers": answers}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "blocks": blocks(finding),
        "location": _location(finding.location),
        "message": finding.message,
        "help": finding.help,
        "evidence": [_step(step) for step in finding.evidence],
        "subject": finding.subject,
        "related": list(finding.related),
        "source": finding.source,
    }


def _location(location: Location) -> dict[str, Any]:
    return {
        "path": location.path,
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
    }


def _step(step: Step) -> dict[str, Any]:
    return {"label": step.label, "location": _location(step.location)}


def _suppression(record: SuppressionRecord) -> dict[str, Any]:
    return {
        "rules": list(record.rules),
        "location": _location(record.location),
        "reason": record.reason,
        "until": record.until.isoformat() if record.until else None,
        "silenced": [_finding(finding) for finding in record.silenced],
    }


def _exception(record: ExceptionRecord) -> dict[str, Any]:
    return {
        "rules": list(record.rules),
        "place": record.place,
        "reason": record.reason,
        "owner": record.owner,
        "until": record.until.isoformat(),
        "excepted": [_finding(finding) for finding in record.excepted],
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "analyser": coverage.analyser,
        "unit": coverage.unit,
        "given": len(coverage.entries),
        "analysed": coverage.count(State.ANALYSED),
        "skipped": _entries(coverage, State.SKIPPED),
        "failed": _entries(coverage, State.FAILED),
    }


def _entries(coverage: Coverage, state: State) -> list[dict[str, str]]:
    return [{"path": entry.path, "reason": entry.reason} for entry in coverage.entries if entry.state is state]


def _scanner(run: ScannerRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "version": run.version,
        "status": run.status,
        "seconds": run.seconds,
        "detail": run.detail,
        "sandbox": run.sandbox,
    }


def permissions_dict(table: PermissionTable) -> dict[str, Any]:
    """Return both sides as plain values (`$defs` of the report schema)."""
    declared = [{"type": p.type, "pattern": p.pattern, "description": p.description} for p in table.declared]
    inferred = [
        {
            "type": found.type,
            "access": found.access,
            "target": found.target,
            "confidence": found.confidence,
            "through": found.through,
            "phase": found.phase,
            "ambient": found.ambient,
            "chain": [_step(step) for step in found.chain],
            "within": [_step(step) for step in found.within],
        }
        for found in table.inferred
    ]
    return {"declared": declared, "inferred": inferred}
