"""What follows from the steps of a check: everything that was found, weighed, beside what was looked at.

::

    merge ─> mask secrets ─> suppressions ─> exceptions of the policy ─> levels ─> baseline ─> selection ─> Report
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from theodore_plugin import __version__
from theodore_plugin.contracts.matrix import NO_MATRIX
from theodore_plugin.engine.as_library import about_any_package, without_contract
from theodore_plugin.engine.baseline import set_aside
from theodore_plugin.engine.exceptions import except_findings
from theodore_plugin.engine.findings import configuration_seen, failure_finding
from theodore_plugin.engine.foreign_comments import blanket_comments, type_ignores
from theodore_plugin.engine.levels import weigh
from theodore_plugin.engine.licence import Licence
from theodore_plugin.engine.redaction import masked
from theodore_plugin.engine.selection import EVERYTHING, choose
from theodore_plugin.engine.steps import STATIC, ScannerStep, StaticStep
from theodore_plugin.engine.suppressions import Suppressed, apply
from theodore_plugin.engine.terms import profile_label, terms_seen
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.model import Fix
from theodore_plugin.fixes.unused_suppression import SortKey, suppression_fixes
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import AdvisoryLabel, AuditedDependency, PolicyLabel, ProjectLabel, Report, blocks
from theodore_plugin.report.outcome import counts
from theodore_plugin.report.permission_table import permission_table
from theodore_plugin.rules.book import rule_book, rule_set_digest
from theodore_plugin.scanners.overlap import merge
from theodore_plugin.settings import Persona, Settings


def conclude(
    project: PluginProject, settings: Settings, static: StaticStep, scans: Sequence[ScannerStep], seconds: float
) -> Report:
    """Weigh everything that was found and put it beside what was looked at."""
    known = about_any_package(rule_book()) if settings.as_library else rule_book()
    everything = merge(_static_findings(project, static), _scanner_findings(project, scans, settings), known)
    told = masked(everything, project)
    circumstances = (*configuration_seen(project), *terms_seen(project, settings, scans))
    licence = Licence(rule_book(), settings.policy, authors=settings.profile is None)
    today = datetime.now(UTC).date()
    suppressed = _suppress([*told.findings, *circumstances], static, licence, today)
    excepted = except_findings(suppressed.findings, settings.policy, project, rule_book(), today)
    weighed = tuple(weigh(excepted.findings, settings.policy, rule_book()))
    new = set_aside(weighed, told.sources, settings.baseline, licence)
    guesses = settings.persona is Persona.AUDITOR
    shown = choose(new.findings, settings.selection or EVERYTHING, licence, guesses=guesses)
    return Report(
        tool_version=__version__,
        rule_set=rule_set_digest(settings.capabilities.digest if settings.capabilities else None),
        project=_label(project),
        policy=PolicyLabel(settings.policy.name, settings.policy.digest, settings.audience),
        findings=tuple(sorted(shown.findings, key=lambda finding: finding.sort_key)),
        suppressions=told.records(suppressed.records),
        coverage=(static.coverage, *(scan.result.coverage for scan in scans)),
        scanners=tuple(scan.run for scan in scans),
        permissions=told.records((permission_table(static.analysis),))[0],
        advisories=_advisories(scans),
        dependencies=_dependencies(scans),
        sources=told.sources,
        hidden=shown.hidden,
        hidden_by=shown.hidden_by,
        selection=shown.label,
        baselined=new.baselined,
        not_run=static.analysis.not_run if static.analysis else (),
        exceptions=excepted.records,
        profile=profile_label(settings, scans),
        hosts=static.analysis.hosts.as_shown(shown.findings) if static.analysis else NO_MATRIX,
        fixes=_fixes(project, static, scans, shown.findings),
        seconds=round(seconds, 3),
        place=None if project.is_wheel else project.root,
    )


def first_words(project: PluginProject, settings: Settings, static: StaticStep) -> str:
    """Say what our own rules found while the scanners are still running: how much, and below it what blocks."""
    report = conclude(project, settings, static, (), 0.0)
    blocking = [finding for finding in report.findings if blocks(finding) and finding.source == STATIC]
    return "\n".join([counts(report), *(f"{finding.location}: {finding.rule}" for finding in blocking)])


def _fixes(
    project: PluginProject, static: StaticStep, scans: Iterable[ScannerStep], findings: Iterable[Finding]
) -> Mapping[SortKey, Fix]:
    """Say how what is shown can be mended."""
    offered = dict(static.analysis.fixes) if static.analysis else {}
    return {**offered, **suppression_fixes(project, findings, {scan.run.name: scan.run.status for scan in scans})}


def _static_findings(project: PluginProject, static: StaticStep) -> Iterator[Finding]:
    if static.analysis:
        yield from static.analysis.findings
    if static.failure:
        yield failure_finding(project, static.failure, STATIC, required=True)


def _scanner_findings(project: PluginProject, scans: Iterable[ScannerStep], settings: Settings) -> Iterator[Finding]:
    for scan in scans:
        yield from without_contract(scan.result.findings) if settings.as_library else scan.result.findings
        required = settings.policy.scanner(scan.run.name).required
        for failure in scan.result.failures:
            yield failure_finding(project, failure, scan.run.name, required=required)


def _suppress(findings: Sequence[Finding], static: StaticStep, licence: Licence, today: date) -> Suppressed:
    if static.analysis is None:
        return Suppressed(tuple(findings), ())
    blankets = static.analysis.blankets
    comments = [*static.analysis.suppressions, *type_ignores(blankets, findings)]
    complaints = blanket_comments(blankets, findings)
    return apply([*findings, *complaints], comments, licence, today)


def _label(project: PluginProject) -> ProjectLabel:
    kind = "wheel" if project.is_wheel else "source"
    return ProjectLabel(project.name or project.label, project.version or "", project.label, kind, project.sha256)


def _advisories(scans: Iterable[ScannerStep]) -> AdvisoryLabel | None:
    return next((scan.result.advisories for scan in scans if scan.result.advisories), None)


def _dependencies(scans: Iterable[ScannerStep]) -> tuple[AuditedDependency, ...]:
    return next((scan.result.dependencies for scan in scans if scan.result.dependencies), ())
