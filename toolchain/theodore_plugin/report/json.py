"""The report for programs: JSON of version 1, described by ``policies/schemas/report.schema.json``."""

from __future__ import annotations

import json
from typing import Any

from theodore_plugin.contracts.matrix import HostMatrix
from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Location, Step
from theodore_plugin.report.model import SCHEMA_VERSION, PermissionTable, Report, ScannerRun, SuppressionRecord, blocks


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
        "policy": {"name": report.policy.name, "digest": report.policy.digest},
        "verdict": report.verdict.value,
        "findings": [_finding(finding) for finding in report.findings],
        "hidden": report.hidden,
        "suppressions": [_suppression(record) for record in report.suppressions],
        "coverage": [_coverage(coverage) for coverage in report.coverage],
        "scanners": [_scanner(run) for run in report.scanners],
        "permissions": permissions_dict(report.permissions),
        "advisories": {"source": advisories.source, "digest": advisories.digest, "date": advisories.date}
        if advisories
        else None,
        "hosts": _hosts(report.hosts),
        "seconds": report.seconds,
    }


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
            "chain": [_step(step) for step in found.chain],
        }
        for found in table.inferred
    ]
    return {"declared": declared, "inferred": inferred}
