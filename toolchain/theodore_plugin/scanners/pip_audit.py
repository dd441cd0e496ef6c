"""pip-audit: whether the lock pins a version with a known vulnerability.

It gets a requirements file of ``name==version`` lines written here, never the target's own, because a
``file://`` requirement makes it run a build backend. Packages it reports as *skipped* were not audited; a
service that cannot be asked is missing data. Both end *incomplete*, under rules of their own.

Data on this machine is served to it on one loopback port, and then that port is all it can connect to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from theodore_plugin.advisories.source import Kind, Service
from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Severity
from theodore_plugin.report.model import AuditedDependency
from theodore_plugin.scanners.hermetic import CleanTree, ToolRun, run_tool
from theodore_plugin.scanners.pins import Pin
from theodore_plugin.scanners.pip_audit_answer import NO_ANSWERS, Answers, account, read_answers
from theodore_plugin.scanners.pip_audit_failures import data_fingerprint, losses, no_answer, stale, switched_off
from theodore_plugin.scanners.pip_audit_findings import findings, vulnerabilities
from theodore_plugin.scanners.pip_audit_pins import declared, pins_of, unaudited
from theodore_plugin.scanners.scanner import Failure, ScanContext, ScannerResult, failed

_UNIT = "package"


class PipAuditScanner:
    """Wraps ``python -m pip_audit``."""

    name = "pip-audit"
    distribution = "pip-audit"
    per_file = False
    reads_files = False
    """It is given the lock and no file of the plugin."""
    ttl_seconds = 3600.0
    """What an online service knows may change at any time."""

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Every locked package, or every dependency where there is no usable lock."""
        pins = pins_of(context)
        return tuple(str(pin) for pin in pins) if isinstance(pins, tuple) else declared(context.project)

    def fingerprint(self, context: ScanContext) -> str | None:
        """Name the lock, what it should fix and where it lies, and the data."""
        data = data_fingerprint(context.settings.advisories, context.settings.policy.advisories)
        lock = context.settings.lock or context.project.lock or b""
        project = context.project
        given = repr((declared(project), project.project_file, project.is_wheel, context.settings.as_library)).encode()
        digests = " ".join(hashlib.sha256(part).hexdigest() for part in (lock, given))
        return f"{data} {digests}" if data is not None else None

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Audit the lock."""
        pins = pins_of(context)
        if isinstance(pins, Failure):
            return self._not_audited(context, pins, pins)
        if not pins:
            return ScannerResult((), Coverage(self.name, (), _UNIT), detail="no dependencies: nothing to audit")
        if context.settings.advisories.kind is Kind.OFF:
            return self._not_audited(context, pins, switched_off())
        with context.settings.advisories.opened() as service:
            return self._audit(tree, context, pins, service)

    def _audit(self, tree: CleanTree, context: ScanContext, pins: tuple[Pin, ...], service: Service) -> ScannerResult:
        runs, answers = [], NO_ANSWERS
        for some in _rounds(pins):
            runs.append(_ask(tree, some, service, context.timeout_seconds))
            found = read_answers(runs[-1])
            if found is None:
                lost = self._not_audited(context, pins, no_answer(runs[-1], service.label))
                return replace(lost, sandbox=runs[-1].sandbox, advisories=service.label)
            answers = answers.and_those(found)
        coverage = Coverage.account(self.name, map(str, pins), account(pins, answers), unit=_UNIT)
        audited = tuple(_audited(pins, coverage, answers, service))
        old = stale(service.label, context.settings.policy.advisories, datetime.now(UTC))
        return ScannerResult(
            findings=tuple(_findings(pins, audited)),
            coverage=coverage,
            failures=(*losses(runs, coverage, service.label), *old),
            detail=f"asked: {service.label.source}",
            sandbox=runs[-1].sandbox,
            advisories=service.label,
            dependencies=audited,
        )

    def _not_audited(self, context: ScanContext, pins: tuple[Pin, ...] | Failure, failure: Failure) -> ScannerResult:
        dependencies = unaudited(pins, context.project, failure)
        given = self.given(context)
        if failure.severity is Severity.INCOMPLETE:
            return replace(failed(self.name, given, failure, unit=_UNIT), dependencies=dependencies)
        coverage = Coverage.uniform(self.name, given, State.SKIPPED, failure.reason, unit=_UNIT)
        return ScannerResult((), coverage, (failure,), failure.reason, skipped=True, dependencies=dependencies)


def _ask(tree: CleanTree, pins: tuple[Pin, ...], service: Service, timeout: float) -> ToolRun:
    return run_tool(
        "pip_audit",
        _arguments(tree, pins, service),
        tree=tree,
        timeout=timeout,
        sockets="outbound" if service.port is None else "ports",
        connect_ports=() if service.port is None else (service.port,),
        subprocesses=1,  # importing it runs `python -m pip --version`
    )


def _arguments(tree: CleanTree, pins: tuple[Pin, ...], service: Service) -> list[str]:
    requirements = tree.scratch / "requirements.txt"
    requirements.write_text("".join(f"{pin}\n" for pin in pins))
    cache = tree.scratch / "pip_audit" / "cache"
    fixed = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json", "--timeout=15"]
    return [f"--requirement={requirements}", f"--cache-dir={cache}", *fixed, *service.arguments]


def _rounds(pins: tuple[Pin, ...]) -> Iterator[tuple[Pin, ...]]:
    """Yield the pins in parts with one version of each package: pip-audit bears no more at once."""
    left = pins
    while left:
        some = {pin.name: pin for pin in reversed(left)}
        yield tuple(pin for pin in left if some[pin.name] is pin)
        left = tuple(pin for pin in left if some[pin.name] is not pin)


def _audited(
    pins: tuple[Pin, ...], coverage: Coverage, answers: Answers, service: Service
) -> Iterator[AuditedDependency]:
    lost = {entry.path: entry.reason for entry in coverage.failed}
    for pin in pins:
        if str(pin) in lost:
            yield AuditedDependency(pin.name, pin.version, "failed", lost[str(pin)])
        else:
            answer = answers.about(pin)
            found = vulnerabilities(pin, answer, service.database) if answer else ()
            yield AuditedDependency(pin.name, pin.version, "audited", vulnerabilities=found)


def _findings(pins: tuple[Pin, ...], audited: tuple[AuditedDependency, ...]) -> Iterator[Finding]:
    for pin, dependency in zip(pins, audited, strict=True):
        yield from findings(pin, dependency.vulnerabilities)
