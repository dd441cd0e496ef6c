"""The report as GitLab Code Quality JSON, which the merge request shows beside its changes.

A list of objects with ``description``, ``check_name``, ``fingerprint``, ``severity`` and ``location``, as GitLab's
documentation of the Code Quality report format asks for. GitLab shows the first of equal fingerprints only, so they
are unique over all projects, and compares them between branches, so they survive moved lines (:mod:`.fingerprint`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from theodore_plugin.finding import Finding, Severity
from theodore_plugin.report.fingerprint import fingerprints
from theodore_plugin.report.model import Report, blocks
from theodore_plugin.report.repository import in_repository
from theodore_plugin.report.visible import visible

MAX_DESCRIPTION = 2_000
_SEVERITIES = {Severity.INCOMPLETE: "blocker", Severity.WARNING: "minor", Severity.NOTICE: "info"}


def render(reports: Sequence[Report]) -> str:
    """Return one JSON list with the findings of all projects."""
    entries = [entry for report in reports for entry in _entries(report)]
    return json.dumps(entries, indent=2, ensure_ascii=True) + "\n"


def _entries(report: Report) -> Iterator[dict[str, Any]]:
    locate = in_repository(report)
    for finding, fingerprint in zip(report.findings, fingerprints(report.findings, report.sources), strict=True):
        path = locate(finding.location.path)
        yield {
            "description": _description(finding),
            "check_name": visible(finding.rule),
            "fingerprint": _unique(report, path, fingerprint),
            "severity": _severity(finding),
            "location": {"path": visible(path), "lines": {"begin": finding.location.line}},
        }


def _description(finding: Finding) -> str:
    text = visible(f"{finding.message}; help: {finding.help}" if finding.help else finding.message)
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"


def _severity(finding: Finding) -> str:
    if finding.severity is Severity.ERROR:
        return "critical" if blocks(finding) else "major"
    return _SEVERITIES[finding.severity]


def _unique(report: Report, path: str, fingerprint: str) -> str:
    """Tell equal findings of two projects apart."""
    whole = "\n".join((report.project.name, path, fingerprint))
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
