"""pip-audit: whether the lock pins a version with a known vulnerability.

It gets a requirements file of ``name==version`` lines written here, never the target's own, because a
``file://`` requirement makes it run a build backend. Packages it reports as *skipped* were not audited; a
service that cannot be asked is missing data. Both end *incomplete*, under rules of their own. A source tree
that has no lock yet has no versions to audit: that is skipped, and said; a wheel without a lock is incomplete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from theodore_loader.errors import Refused
from theodore_loader.policy.model import Advisories
from theodore_plugin.advisories.source import Kind
from theodore_plugin.coverage import Coverage, Covered, State
from theodore_plugin.finding import Confidence, Finding, Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import AdvisoryLabel
from theodore_plugin.scanners.hermetic import CleanTree, ToolRun, run_tool
from theodore_plugin.scanners.pins import LOCK_FILE, Pin, read_pins
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed
from theodore_plugin.scanners.tool_failure import tool_failure

NO_DATA = "vulnerability-data-unavailable"
_UNIT = "package"
_UNREAD = ("Unsupported OSV schema version", "is missing 'affected' list")
_OTHER_SOURCE = "check the network, or name another source: --advisories URL, or an OSV snapshot FILE.jsonl[.gz]"
_SWITCH_ON = "leave that out, or name a source: --advisories online, URL, or an OSV snapshot FILE.jsonl[.gz]"
_FRESHER = "fetch the snapshot anew, or ask a service: --advisories online or URL"
_LOCK_FIRST = "`theodore-plugin package` locks the dependencies and audits what it locked"
_REACH = ("ConnectionError", "Could not connect", "ServiceError", "Max retries exceeded", "HTTPError", "Timeout")
"""What pip-audit's last words contain when the service, not the tool, is at fault."""


class PipAuditScanner:
    """Wraps ``python -m pip_audit``."""

    name = "pip-audit"
    distribution = "pip-audit"

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every locked package, or every dependency where there is no usable lock."""
        pins = _pins(context)
        return tuple(str(pin) for pin in pins) if isinstance(pins, tuple) else _dependencies(context.project)

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Audit the lock."""
        given, pins = self.given(context), _pins(context)
        if isinstance(pins, Failure):
            return _not_audited(given, pins)
        if not pins:
            return ScannerResult((), Coverage(self.name, (), _UNIT), detail="no dependencies: nothing to audit")
        if context.settings.advisories.kind is Kind.OFF:
            reason = "advisories are switched off (`--advisories off`)"
            return _not_audited(given, Failure(reason, _SWITCH_ON, NO_DATA))
        return self._audit(tree, context, pins)

    def _audit(self, tree: CleanTree, context: ScanContext, pins: tuple[Pin, ...]) -> ScannerResult:
        names = tuple(str(pin) for pin in pins)
        with context.settings.advisories.opened() as (service, label):
            arguments = _arguments(tree, pins, service)
            run = run_tool(
                "pip_audit",
                arguments,
                tree=tree,
                timeout=context.timeout_seconds,
                sockets="outbound",
                subprocesses=1,  # importing it runs `python -m pip --version`
            )
        answers = _parse(run)
        if answers is None:
            return failed(self.name, names, _why(run, label), unit=_UNIT, sandbox=run.sandbox)
        coverage = Coverage.account(self.name, names, _account(pins, answers), unit=_UNIT)
        lost = [*([_partial(coverage, label)] if coverage.failed else []), *_passed_over(run, label)]
        return ScannerResult(
            findings=tuple(_findings(pins, answers)),
            coverage=coverage,
            failures=(*lost, *_stale(label, context.settings.policy.advisories, datetime.now(UTC))),
            detail=f"asked: {label.source}",
            sandbox=run.sandbox,
            advisories=label,
        )


def _pins(context: ScanContext) -> tuple[Pin, ...] | Failure:
    """Return the locked packages, or why they are not known; a project without dependencies has none."""
    lock = context.settings.lock or context.project.lock
    if lock is not None:
        try:
            return read_pins(lock, _lock_path(context.project))
        except Refused as refusal:
            return Failure(f"{LOCK_FILE} is not usable: {refusal.message}", rule=NO_DATA)
    if not _dependencies(context.project):
        return ()
    severity = Severity.INCOMPLETE if context.project.is_wheel else Severity.NOTICE
    return Failure(f"there is no lock ({LOCK_FILE}), so no exact versions to audit", _LOCK_FIRST, NO_DATA, severity)


def _lock_path(project: PluginProject) -> str:
    """Return where the lock stands: beside ``pyproject.toml``, or beside a wheel's METADATA."""
    return PurePosixPath(project.project_file).with_name(LOCK_FILE).as_posix()


def _dependencies(project: PluginProject) -> tuple[str, ...]:
    declared = project.table.get("dependencies", ())
    return tuple(sorted({str(entry) for entry in declared})) if isinstance(declared, list | tuple) else ()


def _not_audited(given: tuple[str, ...], failure: Failure) -> ScannerResult:
    if failure.severity is Severity.INCOMPLETE:
        return failed(PipAuditScanner.name, given, failure, unit=_UNIT)
    coverage = Coverage.uniform(PipAuditScanner.name, given, State.SKIPPED, failure.reason, unit=_UNIT)
    return ScannerResult((), coverage, (failure,), failure.reason, skipped=True)


def _arguments(tree: CleanTree, pins: tuple[Pin, ...], service: list[str]) -> list[str]:
    requirements = tree.scratch / "requirements.txt"
    requirements.write_text("".join(f"{pin}\n" for pin in pins))
    cache = tree.scratch / "pip_audit" / "cache"
    fixed = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=15"]
    return [f"--requirement={requirements}", f"--cache-dir={cache}", *fixed, *service]


def _parse(run: ToolRun) -> Mapping[str, Mapping[str, Any]] | None:
    """Return pip-audit's answer per canonical name, or ``None`` if there is none we can read."""
    if not run.finished(0, 1):
        return None
    try:
        answers = json.loads(run.completed.stdout)["dependencies"]
        return {canonicalize_name(answer["name"]): answer for answer in answers}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _why(run: ToolRun, label: AdvisoryLabel) -> Failure:
    said = run.completed.stderr.decode("utf-8", "replace")
    if any(sign in said for sign in _REACH):
        return Failure(f"{label.source} did not answer{_cause(said)}", _OTHER_SOURCE, NO_DATA)
    return tool_failure("pip-audit", run, "to reproduce: python -I -m pip_audit --locked .")


def _cause(said: str) -> str:
    """Return the innermost reason of a chain of network errors, as ``: Connection refused``."""
    found = re.search(r"""Caused by .*?\): (?P<reason>.+?)["']\)+$""", said.strip())
    return f": {_short(found['reason'])}" if found else ""


def _account(pins: tuple[Pin, ...], answers: Mapping[str, Mapping[str, Any]]) -> Iterator[Covered]:
    for pin in pins:
        answer = answers.get(pin.name)
        if answer is None:
            yield Covered(str(pin), State.FAILED, "pip-audit did not mention it")
        elif "skip_reason" in answer:
            yield Covered(str(pin), State.FAILED, str(answer["skip_reason"]) or "skipped without a reason")
        elif str(answer.get("version")) != pin.version or not isinstance(answer.get("vulns"), list):
            yield Covered(str(pin), State.FAILED, f"pip-audit answered for version {answer.get('version')}")
        else:
            yield Covered(str(pin))


def _partial(coverage: Coverage, label: AdvisoryLabel) -> Failure:
    lost = "; ".join(entry.reason for entry in coverage.failed[:3])
    audited = f"{len(coverage.failed)} of {len(coverage.entries)} packages could not be audited"
    return Failure(f"{audited} ({label.source}): {lost}", _OTHER_SOURCE, NO_DATA)


def _passed_over(run: ToolRun, label: AdvisoryLabel) -> Iterator[Failure]:
    """Yield a failure if pip-audit left advisories out because it could not read them; it says so only in its log."""
    log = run.completed.stderr.decode("utf-8", "replace")
    for sign in _UNREAD:
        if sign in log:
            yield Failure(f"pip-audit passed over advisories of {label.source}: {sign}", _OTHER_SOURCE, NO_DATA)


def _stale(label: AdvisoryLabel, bound: Advisories, now: datetime) -> Iterator[Failure]:
    """Yield a failure, as grave as the policy says, if a snapshot is older than its bound; a service has no date."""
    if label.date is None:
        return
    age = now - datetime.fromisoformat(label.date)
    if age > timedelta(days=bound.max_age_days):
        severity = Severity.WARNING if bound.on_stale == "warning" else Severity.INCOMPLETE
        reason = f"{label.source} is {age.days} days old; the policy accepts {bound.max_age_days}"
        yield Failure(reason, _FRESHER, NO_DATA, severity)


def _findings(pins: tuple[Pin, ...], answers: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    for pin in pins:
        for vulnerability in answers.get(pin.name, {}).get("vulns", ()):
            yield _finding(pin, vulnerability)


def _finding(pin: Pin, vulnerability: Mapping[str, Any]) -> Finding:
    ids = [str(vulnerability["id"]), *map(str, vulnerability.get("aliases", ()))]
    fixes = ", ".join(map(str, vulnerability.get("fix_versions", ())))
    return Finding(
        rule="known-vulnerability",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        location=pin.location,
        message=f"{pin} has a known vulnerability, {ids[0]}: {_short(str(vulnerability.get('description', '')))}",
        help=f"fixed in {fixes}; lock again with that version" if fixes else "no fixed version is known; replace it",
        subject=f"{pin} {ids[0]}",
        related=tuple(f"pip-audit/{name}" for name in ids),
        source="pip-audit",
    )


def _short(description: str) -> str:
    first = " ".join(description.split())
    return first if len(first) <= 200 else f"{first[:199]}…"
