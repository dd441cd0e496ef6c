"""One check: every step runs, every finding is weighed, and what was not looked at is part of the answer.

::

    clean copy ─┬─> bandit ─────┐
                ├─> mypy ───────┤
                ├─> pip-audit ──┼─> merge ─> suppressions ─> policy ─> persona ─> Report (pass | fail | incomplete)
    project ────┴─> own rules ──┘

The scanners are processes and run beside our own analysis; the order of the report does not depend on which
of them ends first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from theodore_plugin import __version__
from theodore_plugin.contracts.matrix import NO_MATRIX
from theodore_plugin.engine.findings import configuration_seen, failure_finding
from theodore_plugin.engine.foreign_comments import blanket_comments, type_ignores
from theodore_plugin.engine.levels import weigh
from theodore_plugin.engine.steps import STATIC, ScannerStep, StaticStep, scanner_step, static_step
from theodore_plugin.engine.suppressions import Licence, Suppressed, apply
from theodore_plugin.finding import Confidence, Finding, Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import AdvisoryLabel, PolicyLabel, ProjectLabel, Report
from theodore_plugin.report.permission_table import permission_table
from theodore_plugin.rules.book import rule_book, rule_set_digest
from theodore_plugin.scanners import SCANNERS
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.overlap import merge
from theodore_plugin.scanners.scanner import ScanContext, Scanner
from theodore_plugin.settings import Persona, Settings

Step = TypeVar("Step")
Watcher = Callable[[str, str], None]
"""Told ``(step, "started" | "ended")`` from any thread; for progress displays."""


def run(
    project: PluginProject,
    settings: Settings,
    *,
    scanners: Sequence[Scanner] = SCANNERS,
    watch: Watcher = lambda step, event: None,
) -> Report:
    """Check ``project`` and report. Raises ConfigurationProblem only for mistakes in the user's settings."""
    started = time.monotonic()
    static, scans = _run_steps(project, settings, scanners, watch)
    everything = merge(_static_findings(project, static), _scanner_findings(project, scans, settings), rule_book())
    suppressed = _suppress([*everything, *configuration_seen(project)], static, settings)
    weighed = list(weigh(suppressed.findings, settings.policy, rule_book()))
    shown = [finding for finding in weighed if _is_shown(finding, settings.persona)]
    return Report(
        tool_version=__version__,
        rule_set=rule_set_digest(settings.capabilities.digest if settings.capabilities else None),
        project=_label(project),
        policy=PolicyLabel(settings.policy.name, settings.policy.digest),
        findings=tuple(sorted(shown, key=lambda finding: finding.sort_key)),
        suppressions=suppressed.records,
        coverage=(static.coverage, *(scan.result.coverage for scan in scans)),
        scanners=tuple(scan.run for scan in scans),
        permissions=permission_table(static.analysis),
        advisories=_advisories(scans),
        sources={file.path: file.data for file in project.files},
        hidden=len(weighed) - len(shown),
        hosts=static.analysis.hosts.as_shown(shown) if static.analysis else NO_MATRIX,
        seconds=round(time.monotonic() - started, 3),
    )


def _run_steps(
    project: PluginProject, settings: Settings, scanners: Sequence[Scanner], watch: Watcher
) -> tuple[StaticStep, list[ScannerStep]]:
    """Run the scanners in threads (each waits for a process) and our own analysis in this one."""
    context = ScanContext(project, settings, settings.scan_seconds)
    with clean_tree(project) as tree, ThreadPoolExecutor(max_workers=max(1, len(scanners))) as pool:
        steps = [partial(scanner_step, scanner, tree, context) for scanner in scanners]
        pending = [
            pool.submit(_watched, watch, scanner.name, step) for scanner, step in zip(scanners, steps, strict=True)
        ]
        try:
            static = _watched(watch, STATIC, partial(static_step, project, settings))
            return static, [future.result() for future in pending]
        except BaseException:
            tree.stop.set()
            raise


def _watched(watch: Watcher, name: str, step: Callable[[], Step]) -> Step:
    watch(name, "started")
    try:
        return step()
    finally:
        watch(name, "ended")


def _static_findings(project: PluginProject, static: StaticStep) -> Iterator[Finding]:
    if static.analysis:
        yield from static.analysis.findings
    if static.failure:
        yield failure_finding(project, static.failure, STATIC, required=True)


def _scanner_findings(project: PluginProject, scans: Iterable[ScannerStep], settings: Settings) -> Iterator[Finding]:
    for scan in scans:
        yield from scan.result.findings
        required = settings.policy.scanner(scan.run.name).required
        for failure in scan.result.failures:
            yield failure_finding(project, failure, scan.run.name, required=required)


def _suppress(findings: Sequence[Finding], static: StaticStep, settings: Settings) -> Suppressed:
    if static.analysis is None:
        return Suppressed(tuple(findings), ())
    blankets = static.analysis.blankets
    comments = [*static.analysis.suppressions, *type_ignores(blankets, findings)]
    complaints = blanket_comments(blankets, findings)
    today = datetime.now(UTC).date()
    return apply([*findings, *complaints], comments, Licence(rule_book(), settings.policy), today)


def _is_shown(finding: Finding, persona: Persona) -> bool:
    guess = finding.confidence is Confidence.LOW and finding.severity is not Severity.INCOMPLETE
    return persona is Persona.AUDITOR or not guess


def _label(project: PluginProject) -> ProjectLabel:
    kind = "wheel" if project.is_wheel else "source"
    return ProjectLabel(project.name or project.label, project.version or "", project.label, kind, project.sha256)


def _advisories(scans: Iterable[ScannerStep]) -> AdvisoryLabel | None:
    return next((scan.result.advisories for scan in scans if scan.result.advisories), None)
