"""The report as GitHub workflow commands: the runner turns each into an annotation at its line.

::

    ::error file=src/p/plugin.py,line=5,endLine=5,col=16,title=undeclared-permission::connects to any host%0A…

The runner shows ten annotations of a kind for each step, so the verdict and what blocks come first. A message is
one line with ``%``, CR and LF percent-encoded; in properties ``:`` and ``,`` are as well. Nothing a stranger wrote
can therefore end a command or begin another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from theodore_plugin.finding import Finding, Severity, Verdict
from theodore_plugin.report.model import Report, blocks
from theodore_plugin.report.not_used import not_used_line, worth_showing
from theodore_plugin.report.outcome import counts, why
from theodore_plugin.report.repository import in_repository
from theodore_plugin.report.visible import visible

MAX_MESSAGE = 4_000
"""Characters of a message; an annotation holds 64 KiB, a reader much less."""
MAX_PROPERTY = 1_000
TITLE = "theodore-plugin"

_VERDICTS = {Verdict.PASS: "notice", Verdict.FAIL: "error", Verdict.INCOMPLETE: "error"}
_COMMANDS = {Severity.INCOMPLETE: "error", Severity.WARNING: "warning", Severity.NOTICE: "notice"}
_WORST_FIRST = ("error", "warning", "notice")


def render(reports: Sequence[Report]) -> str:
    """Return one command per line: the verdict of each project, then its findings, worst first."""
    return "".join(f"{line}\n" for report in reports for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    locate = in_repository(report)
    yield _command(_VERDICTS[report.verdict], {"title": TITLE}, _verdict(report))
    ordered = sorted(worth_showing(report), key=lambda finding: (_WORST_FIRST.index(_kind(finding)), finding.sort_key))
    for finding in ordered:
        place = finding.location
        properties = {
            "file": locate(place.path),
            "line": str(place.line),
            "endLine": str(max(place.line, place.end_line or place.line)),
            "col": str(place.column),
            "title": finding.rule,
        }
        yield _command(_kind(finding), properties, _message(finding))


def _verdict(report: Report) -> str:
    name = f"{report.project.name} {report.project.version}".strip()
    part = ", selected rules only" if report.selection else ""
    verdict = f"{report.verdict.value}: {name} under policy {report.policy.name} ({counts(report)}{part})"
    return "\n".join(line for line in (verdict, why(report), not_used_line(report)) if line)


def _kind(finding: Finding) -> str:
    if finding.severity is Severity.ERROR:
        return "error" if blocks(finding) else "warning"
    return _COMMANDS[finding.severity]


def _message(finding: Finding) -> str:
    steps = [f"{number}. {step.label} ({step.location})" for number, step in enumerate(finding.evidence, start=1)]
    return "\n".join([finding.message, *steps, *([f"help: {finding.help}"] if finding.help else [])])


def _command(kind: str, properties: Mapping[str, str], message: str) -> str:
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {named}::{_data(_cut(message, MAX_MESSAGE))}"


def _property(value: str) -> str:
    return _data(_cut(value, MAX_PROPERTY)).replace(":", "%3A").replace(",", "%2C")


def _data(value: str) -> str:
    shown = visible(value, keep_newlines=True)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
