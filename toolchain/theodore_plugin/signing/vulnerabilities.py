"""From the audit in a report to the statement about known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from theodore_loader.trust.statements import AdvisoryDatabase, resource_uri
from theodore_loader.trust.vulnerabilities import (
    Audit,
    AuditedPackage,
    Database,
    Finding,
    Scanner,
    ScanTimes,
    Severity,
    Vulnerabilities,
)
from theodore_plugin.report.model import AdvisoryLabel, AuditedDependency, Report, ScannerRun, Vulnerability

AUDITOR = "pip-audit"


def vulnerabilities_of(report: Report, started: datetime, finished: datetime) -> Vulnerabilities | None:
    """Return what the audit of a check, made between two moments, established; ``None`` if nothing was audited.

    An empty list of findings reads as "none found": where packages were not looked up, nothing is stated.
    """
    run = next((one for one in report.scanners if one.name == AUDITOR), None)
    if run is None or not _audited(run, report):
        return None
    findings = [
        _finding(dependency, found) for dependency in report.dependencies for found in dependency.vulnerabilities
    ]
    return Vulnerabilities(
        scanner=Scanner(
            uri=resource_uri(AUDITOR, run.version),
            result=findings,
            version=run.version,
            db=_database(report.advisories),
        ),
        metadata=ScanTimes(started.replace(microsecond=0), finished.replace(microsecond=0)),
        audit=Audit(_label(report.advisories), list(_packages(report))),
    )


def _audited(run: ScannerRun, report: Report) -> bool:
    nothing_to_audit = run.status == "skipped" and not report.dependencies
    return nothing_to_audit or run.status == "ok"


def _packages(report: Report) -> Iterator[AuditedPackage]:
    for one in report.dependencies:
        yield AuditedPackage(one.name, one.version, one.status, one.reason)  # type: ignore[arg-type]


def _finding(dependency: AuditedDependency, found: Vulnerability) -> Finding:
    notes = {
        "package": resource_uri(dependency.name, dependency.version),
        "aliases": " ".join(found.aliases),
        "fixed": " ".join(found.fixed),
    }
    return Finding(found.id, list(_severities(found.severity)), [{key: text} for key, text in notes.items() if text])


def _severities(text: str) -> Iterator[Severity]:
    """Read ``high, CVSS 7.5``: a word, a base score, or neither."""
    word, _, score = text.partition(", CVSS ")
    if word:
        yield Severity("qualitative", word)
    if score:
        yield Severity("cvss", score)


def _database(label: AdvisoryLabel | None) -> Database | msgspec.UnsetType:
    dated = _moment(label.date) if label and label.date else None
    if label is None or dated is None:
        return msgspec.UNSET
    known = label.digest is not None
    return Database(
        last_update=dated,
        uri=f"urn:theodore:advisories:{label.digest}" if known else msgspec.UNSET,
        version=f"sha256:{label.digest}" if known else msgspec.UNSET,
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _label(label: AdvisoryLabel | None) -> AdvisoryDatabase | None:
    return AdvisoryDatabase(label.source, label.digest, label.date) if label else None
