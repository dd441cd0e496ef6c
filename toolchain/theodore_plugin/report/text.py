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

What matters most stands last, where the eye is when the command ends: notices, warnings, errors, what was not looked
at, the verdict, the next step. Of many findings of one rule the first are shown in full and the rest as a line each.
Everything a stranger wrote passes :func:`visible` before it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from theodore_plugin.finding import Finding, Severity, Verdict
from theodore_plugin.report.account import account
from theodore_plugin.report.fixes_text import fixable_lines
from theodore_plugin.report.frame import code_frame
from theodore_plugin.report.model import Report, blocks
from theodore_plugin.report.outcome import counts, next_steps, rank, why
from theodore_plugin.report.repository import from_here
from theodore_plugin.report.visible import visible
from theodore_plugin.report.wrap import all_wrapped, wrapped
from theodore_plugin.rules.engine.reports import TARGET_TOOL_CONFIG_IGNORED

STYLES = {
    Severity.ERROR: "bold red",
    Severity.INCOMPLETE: "bold magenta",
    Severity.WARNING: "bold yellow",
    Severity.NOTICE: "bold blue",
}
IN_FULL = 3
"""Findings of one rule that are shown in full; of those that block, :data:`BLOCKING_IN_FULL`."""
BLOCKING_IN_FULL = 10
MAX_LISTED = 200
"""Further findings of one rule that get a line."""
MAX_TEXT = 2000
"""Characters of one message; JSON has all of them."""
_VERDICT_STYLES = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.INCOMPLETE: "bold magenta"}


def full(report: Report, width: int | None = None) -> Iterator[Text]:
    """Yield the report line by line, broken between words at ``width`` columns if there is one."""
    for group in _groups(report):
        yield from _group(group, report, width)
    yield from all_wrapped(account(report), width)
    yield from all_wrapped(fixable_lines(report), width)
    if report.verdict is not Verdict.PASS:
        yield from wrapped(Text(visible(why(report))), width, 2)
    yield from wrapped(verdict_line(report), width, 2)
    if report.verdict is Verdict.FAIL:
        yield from (Text(visible(f"next: {step}")) for step in next_steps(report))


def concise(report: Report, width: int | None = None) -> Iterator[Text]:
    """Yield one line per finding, whatever the ``width``: the form editors and ``grep`` like; then the verdict."""
    locate = from_here(report)
    for finding in _worth_a_block(report):
        place = visible(locate(str(finding.location)))
        yield Text.assemble(f"{place}: ", _label(finding), " ", visible(finding.message))
    yield verdict_line(report)


def finding_block(finding: Finding, report: Report, width: int | None = None) -> Iterator[Text]:
    """Yield one finding in full."""
    yield from wrapped(Text.assemble(_label(finding), ": ", (_said(finding.message), "bold")), width, 4)
    place = visible(from_here(report)(str(finding.location)))
    yield Text.assemble((" --> ", "cyan"), place)
    yield from code_frame(finding.location, report.sources, STYLES[finding.severity], width)
    for number, step in enumerate(finding.evidence, start=1):
        place = visible(str(step.location))
        line = Text.assemble(("   = ", "cyan"), f"{number}. {visible(step.label)} ", (f"({place})", "dim"))
        yield from wrapped(line, width, 8)
    if finding.related:
        line = Text.assemble(("   = ", "cyan"), f"also reported as {visible(', '.join(finding.related))}")
        yield from wrapped(line, width, 5)
    if finding.help:
        yield from wrapped(Text.assemble(("help", "bold cyan"), f": {_said(finding.help)}"), width, 6)


def verdict_line(report: Report) -> Text:
    """Return the verdict: over what, under which policy, on what findings."""
    verdict, project = report.verdict, report.project
    name = visible(f"{project.name} {project.version}".strip())
    line = Text.assemble(
        (verdict.value, _VERDICT_STYLES[verdict]), f": {name} under policy {visible(report.policy.name)}"
    )
    only = ", selected rules only" if report.selection else ""
    line.append(f" ({counts(report)}{only}; {report.seconds:.1f} s)")
    return line


def overview(reports: Sequence[Report], width: int | None = None) -> Iterator[Text]:
    """Yield the line that sums up several projects, those that did not pass by name; nothing for a single one."""
    if len(reports) < 2:
        return
    yield Text()
    parts = [f"{len(reports):,} projects"]
    for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCOMPLETE):
        names = [report.project.name for report in reports if report.verdict is verdict]
        if names:
            named = "" if verdict is Verdict.PASS else f" ({', '.join(names)})"
            parts.append(f"{len(names):,} {verdict.value}{named}")
    yield from wrapped(Text(visible("; ".join(parts)), "bold"), width, 2)


def _worth_a_block(report: Report) -> Iterator[Finding]:
    """Yield the findings that are shown one by one; configuration that was not used gets one line together."""
    return (finding for finding in report.findings if finding.rule != TARGET_TOOL_CONFIG_IGNORED.name)


def _groups(report: Report) -> list[list[Finding]]:
    """Return the findings by weight and rule, the heaviest last; groups of one weight by their first place."""

    def kind(finding: Finding) -> tuple[int, str]:
        return -rank(finding)[0], finding.rule

    ordered = sorted(_worth_a_block(report), key=lambda finding: (kind(finding), finding.sort_key))
    groups = [list(group) for _, group in groupby(ordered, key=kind)]
    return sorted(groups, key=lambda group: (-rank(group[0])[0], group[0].sort_key))


def _group(group: Sequence[Finding], report: Report, width: int | None) -> Iterator[Text]:
    room = BLOCKING_IN_FULL if blocks(group[0]) or group[0].severity is Severity.INCOMPLETE else IN_FULL
    room = len(group) if len(group) == room + 1 else room
    for finding in group[:room]:
        yield from finding_block(finding, report, width)
        yield Text()
    if len(group) > room:
        yield from _rest(group[room:], report, width)
        yield Text()


def _rest(group: Sequence[Finding], report: Report, width: int | None) -> Iterator[Text]:
    locate = from_here(report)
    yield Text.assemble(_label(group[0]), f": {len(group):,} more")
    for finding in group[:MAX_LISTED]:
        place = visible(locate(str(finding.location)))
        line = Text.assemble((" --> ", "cyan"), place, f"  {_said(finding.message)}")
        yield from wrapped(line, width, 5)
    left = len(group) - MAX_LISTED
    if left > 0:
        yield Text(f"     and {left:,} others (--output-format json lists all)", "dim")


def _said(text: str) -> str:
    """Return foreign text, safe to print and of bounded length."""
    left = len(text) - MAX_TEXT
    return visible(text) if left <= 0 else f"{visible(text[:MAX_TEXT])}… ({left:,} more characters)"


def _label(finding: Finding) -> Text:
    return Text(f"{finding.severity.value}[{visible(finding.rule)}]", STYLES[finding.severity])
