"""What was looked at, what was not and why, what does not count: the lines between the findings and the verdict.

A check that passes says on one line what it did not look at; any other gives the account by analyser.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from rich.text import Text

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Verdict
from theodore_plugin.report.model import Report, ScannerRun
from theodore_plugin.report.visible import visible
from theodore_plugin.report.withheld import withheld_lines
from theodore_plugin.rules.engine.reports import TARGET_TOOL_CONFIG_IGNORED

MAX_NAMES = 20
"""Files named for one reason."""
_FULL_TIERS = ("standard", "isolated")


def account(report: Report) -> Iterator[Text]:
    """Yield the account line by line."""
    runs, known = {run.name: run for run in report.scanners}, _said(report)
    if report.verdict is Verdict.PASS:
        yield from _limits(report, runs, known)
    else:
        for coverage in report.coverage:
            yield _coverage_line(coverage, runs.get(coverage.analyser), known)
            yield from _lost(coverage, known)
    yield from _silenced(report)
    yield from _excepted(report)
    yield from withheld_lines(report)
    yield from _not_used(report)
    if report.verdict is not Verdict.PASS:
        yield from _terms(report)


def _limits(report: Report, runs: dict[str, ScannerRun], known: Container[str]) -> Iterator[Text]:
    """Say together what was not looked at, or less closely than could be."""
    parts = []
    for coverage in report.coverage:
        run = runs.get(coverage.analyser)
        said = [*_skipped(coverage, known), *(_remarks(run) if run and run.status != "skipped" else [])]
        if said:
            parts.append(f"{coverage.analyser}: {', '.join(said)}")
    if parts:
        yield Text(visible(f"not looked at: {'; '.join(parts)}"), "dim")


def _said(report: Report) -> frozenset[str]:
    """Return what findings say already, so that the account need not say it again."""
    return frozenset(finding.message for finding in report.findings)


def _skipped(coverage: Coverage, known: Container[str]) -> Iterator[str]:
    """Say how many were skipped, by reason."""
    for reason, names in _by_reason(coverage, State.SKIPPED).items():
        why = "" if reason in known else f" ({reason})"
        yield f"{len(names):,} {coverage.unit}{'' if len(names) == 1 else 's'}{why}"


def _coverage_line(coverage: Coverage, run: ScannerRun | None, known: Container[str]) -> Text:
    given = len(coverage.entries)
    counts = f"{coverage.count(State.ANALYSED):,} of {given:,} {coverage.unit}{'' if given == 1 else 's'} analysed"
    skipped = [f"skipped {part}" for part in _skipped(coverage, known)]
    name = f"{coverage.analyser} {run.version}" if run else coverage.analyser
    remarks = _remarks(run) if run and run.status == "ok" else []
    return Text(visible(f"{name}: {'; '.join([counts, *skipped, *remarks])}"), "dim")


def _remarks(run: ScannerRun) -> list[str]:
    weaker = run.sandbox and run.sandbox not in _FULL_TIERS
    return [*([run.detail] if run.detail else []), *([f"held only by sandbox {run.sandbox}"] if weaker else [])]


def _lost(coverage: Coverage, known: Container[str]) -> Iterator[Text]:
    """Name what was not analysed, once per reason."""
    for reason, names in _by_reason(coverage, State.FAILED).items():
        left = len(names) - MAX_NAMES
        more = f" and {left:,} more" if left > 0 else ""
        why = " (see above)" if reason in known else f" ({reason})"
        said = visible(f"{', '.join(names[:MAX_NAMES])}{more}{why}")
        yield Text.assemble(("    not analysed: ", "magenta"), said)


def _by_reason(coverage: Coverage, state: State) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for entry in coverage.entries:
        if entry.state is state:
            gathered.setdefault(entry.reason, []).append(entry.path)
    return gathered


def _silenced(report: Report) -> Iterator[Text]:
    for record in report.suppressions:
        rules = ", ".join(sorted({finding.rule for finding in record.silenced}))
        if rules:
            yield Text(visible(f"silenced at {record.location}: {rules}, because {record.reason!r}"), "dim")


def _excepted(report: Report) -> Iterator[Text]:
    for record in report.exceptions:
        if record.excepted:
            rules = ", ".join(sorted({finding.rule for finding in record.excepted}))
            until = f"until {record.until.isoformat()}"
            said = (
                f"accepted by the policy ({record.place}): {rules}, because {record.reason!r}, {record.owner}, {until}"
            )
            yield Text(visible(said), "dim")


def _not_used(report: Report) -> Iterator[Text]:
    lines: dict[str, list[str]] = {}
    for finding in report.findings:
        if finding.rule == TARGET_TOOL_CONFIG_IGNORED.name:
            lines.setdefault(finding.location.path, []).append(str(finding.location.line))
    if lines:
        named = ", ".join(f"{path}:{','.join(numbers)}" for path, numbers in list(lines.items())[:MAX_NAMES])
        left = len(lines) - MAX_NAMES
        more = f" and {left:,} more files" if left > 0 else ""
        yield Text(visible(f"{TARGET_TOOL_CONFIG_IGNORED.name}: seen and not used: {named}{more}"), "dim")


def _terms(report: Report) -> Iterator[Text]:
    if report.advisories:
        dated = f", dated {report.advisories.date}" if report.advisories.date else ""
        yield Text(visible(f"advisories: {report.advisories.source}{dated}"), "dim")
    yield Text(f"policy {visible(report.policy.name)} {report.policy.digest[:12]}, rules {report.rule_set[:12]}", "dim")
