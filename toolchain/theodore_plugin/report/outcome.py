"""What a verdict rests on and what to do next, in sentences; every renderer for people says the same."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator

from theodore_plugin.coverage import State
from theodore_plugin.finding import Confidence, Finding, Severity, Verdict
from theodore_plugin.report.model import Report, blocks
from theodore_plugin.rules.engine.reports import TARGET_TOOL_CONFIG_IGNORED

FILE_NOT_ANALYSED = "file-not-analysed"
MAX_RULES = 3
"""How many rules a sentence names."""
MAX_STEPS = 5
"""Ways out of an incomplete check that are listed."""


def counts(report: Report) -> str:
    """Return ``2 errors, 1 warning``, or ``no findings``."""
    tally = report.tally()
    return ", ".join(_counted(severity, tally[severity]) for severity in Severity if tally[severity]) or "no findings"


def why(report: Report) -> str:
    """Return one sentence on what the verdict rests on."""
    if report.verdict is Verdict.INCOMPLETE:
        return f"Not everything was looked at: {_listed(_what(finding) for finding in _incomplete(report))}."
    if report.verdict is Verdict.FAIL:
        blocking = [finding for finding in report.findings if blocks(finding)]
        return f"{_plural(len(blocking), 'finding')} {'blocks' if len(blocking) == 1 else 'block'}: {_named(blocking)}."
    left = sum(finding.rule != TARGET_TOOL_CONFIG_IGNORED.name for finding in report.findings)
    said = "Nothing blocks" if left else "There are no findings"
    skipped = _skipped(report)
    return f"{said}. Skipped, each for a reason: {skipped}." if skipped else f"{said}, and everything was looked at."


def _skipped(report: Report) -> str:
    """Say how much was skipped by the analyser that skipped most of its kind, so that nothing counts twice."""
    most: dict[str, int] = {}
    for coverage in report.coverage:
        most[coverage.unit] = max(most.get(coverage.unit, 0), coverage.count(State.SKIPPED))
    return ", ".join(_plural(count, unit) for unit, count in most.items() if count)


def next_steps(report: Report) -> tuple[str, ...]:
    """Return what helps now, the most useful first; empty where there is nothing left to do."""
    return tuple(_steps(report))


def _steps(report: Report) -> Iterator[str]:
    if report.verdict is Verdict.INCOMPLETE:
        yield from list(dict.fromkeys(finding.help for finding in _incomplete(report) if finding.help))[:MAX_STEPS]
    blocking = [finding for finding in report.findings if blocks(finding)]
    if blocking:
        rule = Counter(finding.rule for finding in blocking).most_common(1)[0][0]
        yield f"theodore-plugin explain {shlex.quote(rule)}"
    elif report.verdict is Verdict.PASS and report.project.kind == "source":
        yield "theodore-plugin package"


def _incomplete(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.severity is Severity.INCOMPLETE]


def _what(finding: Finding) -> str:
    """Name what was not looked at: the file, or the analyser that failed."""
    return finding.location.path if finding.rule == FILE_NOT_ANALYSED else finding.subject or finding.location.path


def _listed(names: Iterable[str]) -> str:
    several = list(dict.fromkeys(names))
    left = len(several) - MAX_RULES
    return ", ".join(several[:MAX_RULES]) + (f" and {left:,} more" if left > 0 else "")


def _named(findings: list[Finding]) -> str:
    """Name the rules, the most frequent first."""
    tally = Counter(finding.rule for finding in findings)
    ordered = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [rule if count == 1 else f"{rule} ({count})" for rule, count in ordered[:MAX_RULES]]
    left = len(ordered) - MAX_RULES
    return ", ".join(parts) + (f" and {_plural(left, 'other rule')}" if left > 0 else "")


def _counted(severity: Severity, count: int) -> str:
    return f"{count} {severity.value}" if severity is Severity.INCOMPLETE else _plural(count, severity.value)


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def rank(finding: Finding) -> tuple[int, int]:
    """Order findings by how much they matter: not looked at, blocking, other errors, warnings, notices; surer first."""
    order = (Severity.INCOMPLETE, Severity.ERROR, Severity.WARNING, Severity.NOTICE)
    sure = (Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW)
    level = order.index(finding.severity)
    return (
        level * 2 + (0 if finding.severity is not Severity.ERROR or blocks(finding) else 1),
        sure.index(finding.confidence),
    )
