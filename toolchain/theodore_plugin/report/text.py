"""The report for people: each finding with its place, its line, its evidence and a way out; then the account.

::

    error[undeclared-permission]: connects to the network, and no permission says so
     --> src/my_plugin/plugin.py:41:16
       |
    41 |         return httpx.get(url)
       |                ^^^^^^^^^^^^^^
       = 1. MyPlugin.scrape_content (src/my_plugin/plugin.py:30:5)
       = 2. httpx.get (src/my_plugin/plugin.py:41:16)
    help: declare PluginPermission(...)

Everything a stranger wrote passes :func:`visible` before it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Severity, Verdict
from theodore_plugin.report.fixes_text import fixable_lines
from theodore_plugin.report.frame import code_frame
from theodore_plugin.report.model import Report, ScannerRun
from theodore_plugin.report.visible import visible
from theodore_plugin.report.withheld import withheld_lines
from theodore_plugin.rules.engine.reports import TARGET_TOOL_CONFIG_IGNORED

STYLES = {
    Severity.ERROR: "bold red",
    Severity.INCOMPLETE: "bold magenta",
    Severity.WARNING: "bold yellow",
    Severity.NOTICE: "bold blue",
}
_VERDICT_STYLES = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCOMPLETE: "bold magenta"}


def full(report: Report) -> Iterator[Text]:
    """Yield the report line by line."""
    for finding in _worth_a_block(report):
        yield from finding_block(finding, report)
        yield Text()
    yield from _account(report)
    yield from fixable_lines(report)
    yield verdict_line(report)


def concise(report: Report) -> Iterator[Text]:
    """Yield one line per finding, the form editors and ``grep`` like, then the verdict."""
    for finding in _worth_a_block(report):
        place = visible(str(finding.location))
        yield Text.assemble(f"{place}: ", _label(finding), " ", visible(finding.message))
    yield verdict_line(report)


def finding_block(finding: Finding, report: Report) -> Iterator[Text]:
    """Yield one finding in full."""
    yield Text.assemble(_label(finding), ": ", (visible(finding.message), "bold"))
    yield Text.assemble((" --> ", "cyan"), visible(str(finding.location)))
    yield from code_frame(finding.location, report.sources, STYLES[finding.severity])
    for number, step in enumerate(finding.evidence, start=1):
        place = visible(str(step.location))
        yield Text.assemble(("   = ", "cyan"), f"{number}. {visible(step.label)} ", (f"({place})", "dim"))
    if finding.related:
        yield Text.assemble(("   = ", "cyan"), f"also reported as {visible(', '.join(finding.related))}")
    if finding.help:
        yield Text.assemble(("help", "bold cyan"), f": {visible(finding.help)}")


def verdict_line(report: Report) -> Text:
    """Return the last line: the verdict, why, and over what."""
    verdict, project = report.verdict, report.project
    name = visible(f"{project.name} {project.version}".strip())
    line = Text.assemble(
        (verdict.value, _VERDICT_STYLES[verdict]), f": {name} under policy {visible(report.policy.name)}"
    )
    only = ", selected rules only" if report.selection else ""
    line.append(f" ({_counts(report)}{only}; {report.seconds:.1f} s)")
    return line


def _worth_a_block(report: Report) -> Iterator[Finding]:
    """Yield the findings that are shown one by one; configuration that was not used gets one line together."""
    return (finding for finding in report.findings if finding.rule != TARGET_TOOL_CONFIG_IGNORED.name)


def _not_used(report: Report) -> Iterator[Text]:
    places = [f.location for f in report.findings if f.rule == TARGET_TOOL_CONFIG_IGNORED.name]
    if places:
        named = ", ".join(f"{place.path}:{place.line}" for place in places)
        yield Text(visible(f"{TARGET_TOOL_CONFIG_IGNORED.name}: seen and not used: {named}"), "dim")


def _label(finding: Finding) -> Text:
    return Text(f"{finding.severity.value}[{visible(finding.rule)}]", STYLES[finding.severity])


def _counts(report: Report) -> str:
    tally = report.tally()
    parts = [f"{tally[severity]} {_noun(severity, tally[severity])}" for severity in Severity if tally[severity]]
    return ", ".join(parts) or "no findings"


def _noun(severity: Severity, count: int) -> str:
    return severity.value if count == 1 or severity is Severity.INCOMPLETE else f"{severity.value}s"


def _account(report: Report) -> Iterator[Text]:
    runs = {run.name: run for run in report.scanners}
    for coverage in report.coverage:
        yield _coverage_line(coverage, runs.get(coverage.analyser))
        yield from _lost(coverage)
    yield from _silenced(report)
    yield from _not_used(report)
    if report.advisories:
        dated = f", dated {report.advisories.date}" if report.advisories.date else ""
        yield Text(visible(f"advisories: {report.advisories.source}{dated}"), "dim")
    yield Text(f"policy {visible(report.policy.name)} {report.policy.digest[:12]}, rules {report.rule_set[:12]}", "dim")


def _coverage_line(coverage: Coverage, run: ScannerRun | None) -> Text:
    counts = f"{coverage.count(State.ANALYSED)} of {len(coverage.entries)} {coverage.unit}s analysed"
    skipped = coverage.count(State.SKIPPED)
    parts = [counts, *([f"{skipped} skipped"] if skipped else []), *(_run_parts(run) if run else [])]
    name = f"{coverage.analyser} {run.version}" if run else coverage.analyser
    return Text(visible(f"{name}: {'; '.join(parts)}"), "dim")


def _lost(coverage: Coverage) -> Iterator[Text]:
    """Name what was not analysed, once per reason."""
    by_reason: dict[str, list[str]] = {}
    for entry in coverage.failed:
        by_reason.setdefault(entry.reason, []).append(entry.path)
    for reason, paths in by_reason.items():
        yield Text.assemble(("    not analysed: ", "magenta"), visible(f"{', '.join(paths)} ({reason})"))


def _run_parts(run: ScannerRun) -> list[str]:
    parts = [run.detail] if run.detail and run.status != "failed" else []
    if run.sandbox:
        parts.append(f"sandbox {run.sandbox}")
    return parts


def _silenced(report: Report) -> Iterator[Text]:
    for record in report.suppressions:
        rules = ", ".join(sorted({finding.rule for finding in record.silenced}))
        if rules:
            yield Text(visible(f"silenced at {record.location}: {rules}, because {record.reason!r}"), "dim")
    yield from withheld_lines(report)
