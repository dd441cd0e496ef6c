"""The steps of a check, each kept apart from the others: what breaks in one is a failure of that one.

A step that raises has not looked at what it was given, so everything it was given counts as failed. Only
the user's own mistakes (ConfigurationProblem) and an interrupt end the whole check.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from theodore_loader.artifact.lock import read_lock
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy.model import Policy
from theodore_plugin.coverage import Coverage, CoverageError, Covered, State
from theodore_plugin.engine.budget import OutOfTime, time_budget
from theodore_plugin.engine.scan_cache import scan
from theodore_plugin.finding import Severity
from theodore_plugin.packaging.lock_format import canonical_lock
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import ScannerRun
from theodore_plugin.scanners.hermetic import CleanTree
from theodore_plugin.scanners.scanner import Failure, ScanContext, Scanner, ScannerResult, failed
from theodore_plugin.scanners.tools import installed_version, unusable
from theodore_plugin.settings import Settings

if TYPE_CHECKING:
    from theodore_plugin.analysis import StaticAnalysis

STATIC = "theodore"
"""How our own analysis is called where analysers are listed."""


_REPORT_IT = "report it as a bug of theodore-plugin, with this message"


@dataclass(frozen=True, slots=True)
class StaticStep:
    """Our own analysis, or what became of it."""

    analysis: StaticAnalysis | None
    coverage: Coverage
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ScannerStep:
    """One scanner's result and how it ran."""

    result: ScannerResult
    run: ScannerRun


def static_step(
    project: PluginProject, settings: Settings, analysis: Callable[..., StaticAnalysis] | None = None
) -> StaticStep:
    """Run the static rules."""
    given = given_files(project)
    try:
        # imported here, while the scanners are already running
        from theodore_plugin.analysis import analyse

        with time_budget(settings.scan_seconds):
            found = (analysis or analyse)(
                _as_locked(project, settings),
                settings.policy,
                environment=settings.environment,
                capabilities=settings.capabilities,
                as_library=settings.as_library,
            )
        entries = [Covered(entry.path, State(entry.status.value), entry.reason) for entry in found.coverage]
        coverage = Coverage.account(STATIC, given, entries)
        return StaticStep(found, coverage, _unsaid(found, coverage))
    except ConfigurationProblem:
        raise
    except OutOfTime:
        return _nothing(given, Failure(f"the static analysis did not finish within {settings.scan_seconds:.0f} s"))
    except Exception as problem:
        return _nothing(given, Failure(_crash("the static analysis", problem), _REPORT_IT))


def scanner_step(scanner: Scanner, tree: CleanTree, context: ScanContext) -> ScannerStep:
    """Run one scanner."""
    started = time.monotonic()
    result = _scan(scanner, tree, context)
    seconds = round(time.monotonic() - started, 3)
    version = result.version or installed_version(scanner.distribution) or _no_version(scanner)
    detail = result.detail or "; ".join(failure.reason for failure in result.failures)
    return ScannerStep(result, ScannerRun(scanner.name, version, _status(result), seconds, detail, result.sandbox))


def _no_version(scanner: Scanner) -> str:
    return "not installed" if scanner.distribution else "unknown version"


def _status(result: ScannerResult) -> str:
    if any(failure.severity is Severity.INCOMPLETE for failure in result.failures):
        return "failed"
    return "skipped" if result.skipped else "ok"


def _nothing(given: tuple[str, ...], failure: Failure) -> StaticStep:
    return StaticStep(None, Coverage.uniform(STATIC, given, State.FAILED, failure.reason), failure)


def given_files(project: PluginProject) -> tuple[str, ...]:
    """Name every file the static analysis has to account for."""
    shipped = [file.path for file in project.files]
    return (*shipped, *(gap.path for gap in project.unreadable), *(entry.path for entry in project.skipped))


def _as_locked(project: PluginProject, settings: Settings) -> PluginProject:
    """Return the project with the lock that was made for this check, if one was: rules look at what is installed.

    The author's own lock stays where it fixes the same files, because it may also say who depends on whom.
    """
    if settings.lock is None or _fixes_the_same(project.lock, settings.lock):
        return project
    return replace(project, lock=settings.lock)


def _fixes_the_same(own: bytes | None, canonical: bytes) -> bool:
    try:
        return own is not None and canonical_lock(read_lock(own)) == canonical
    except Refused:
        return False


def _switched_off(name: str, given: tuple[str, ...], policy: Policy) -> ScannerResult:
    reason = f"switched off by policy {policy.name} ({policy.place('scanners', name, 'enabled')})"
    return ScannerResult((), Coverage.uniform(name, given, State.SKIPPED, reason), detail=reason, skipped=True)


def _scan(scanner: Scanner, tree: CleanTree, context: ScanContext) -> ScannerResult:
    given: tuple[str, ...] = ()
    try:
        given = scanner.given(context)
        if not context.settings.policy.scanner(scanner.name).enabled:
            return _switched_off(scanner.name, given, context.settings.policy)
        unfit = unusable(scanner.distribution)
        return failed(scanner.name, given, unfit) if unfit else scan(scanner, tree, context, partial(_run, scanner))
    except ConfigurationProblem:
        raise
    except Exception as problem:
        return failed(scanner.name, given, Failure(_crash(scanner.name, problem), _REPORT_IT))


def _run(scanner: Scanner, tree: CleanTree, context: ScanContext) -> ScannerResult:
    return _accounted(scanner.given(context), scanner.run(tree, context))


def _accounted(given: tuple[str, ...], result: ScannerResult) -> ScannerResult:
    """Hold the account against the engine's own list of what the scanner was given, and losses against failures."""
    Coverage.account(result.coverage.analyser, given, result.coverage.entries)
    if result.coverage.failed and not result.failures:
        raise CoverageError(f"{result.coverage.failed[0].path} was not analysed and no failure says so")
    return result


def _unsaid(found: StaticAnalysis, coverage: Coverage) -> Failure | None:
    """Return a failure for files that were lost without a finding: silence must not look like a clean file."""
    said = {finding.location.path for finding in found.findings}
    lost = [entry for entry in coverage.failed if entry.path not in said]
    return Failure(f"{lost[0].path} was not analysed: {lost[0].reason}") if lost else None


def _crash(name: str, problem: Exception) -> str:
    if isinstance(problem, CoverageError):
        return f"the account does not add up: {problem}"
    place = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{name} crashed: {type(problem).__name__}: {problem} (at {Path(place.filename).name}:{place.lineno})"
