"""The report as a page of GitHub flavoured Markdown, for job summaries and comments.

What a stranger wrote is text and nothing else there: no markup, HTML, link, image, emoji or formula comes of it, and
an ``@`` that would notify somebody is cut from the name behind it. A page is at most :data:`MAX_BYTES` long; GitHub
refuses summaries over 1 MiB, and a refused page tells less than one that says where it was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.finding import Finding, Severity, Verdict
from theodore_plugin.report.model import AuditedDependency, InferredPermission, Report, ScannerRun, blocks
from theodore_plugin.report.not_used import not_used_line, worth_showing
from theodore_plugin.report.outcome import counts, rank, why
from theodore_plugin.report.permission_rows import permission_rows
from theodore_plugin.report.repository import in_repository
from theodore_plugin.report.taken_out import taken_out
from theodore_plugin.report.visible import visible

MAX_BYTES = 1_000_000
MAX_CELL = 600
"""Characters of one cell of a table."""

_SIGNS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.INCOMPLETE: "⚠️"}
_MARKUP = re.compile(r"[\\`*\[\]|~$^]|(?<![^\W_])_|_(?![^\W_])|:(?=[^\s\d])|(?<=www)\.")
"""What means something in the middle of a line, where all foreign text stands: a backslash takes the meaning away."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@<!-- -->"}


def render(reports: Sequence[Report]) -> str:
    """Return one page: an overview where there are several projects, then a section for each."""
    return _bounded("\n".join([*_overview(reports), *(line for report in reports for line in _section(report))]))


def escaped(text: str) -> str:
    """Return foreign text as Markdown that shows exactly this text, on one line."""
    shown = " ".join(visible(text, keep_newlines=True).split())
    if len(shown) > MAX_CELL:
        shown = f"{shown[: MAX_CELL - 1]}…"
    marked = _MARKUP.sub(r"\\\g<0>", shown)
    return re.sub("[&<>@]", lambda found: _ENTITIES[found[0]], marked)


def _overview(reports: Sequence[Report]) -> Iterator[str]:
    if len(reports) == 1:
        return
    rows = [[_verdict(report), escaped(_name(report)), escaped(counts(report))] for report in reports]
    yield "# theodore-plugin check"
    yield from _table(["verdict", "project", "findings"], rows)


def _section(report: Report) -> Iterator[str]:
    yield f"## {_verdict(report)}: {escaped(_name(report))}"
    yield ""
    yield escaped(why(report))
    yield ""
    yield f"{escaped(counts(report))}, under policy {escaped(report.policy.name)}{_terms(report)}"
    yield from _selected(report)
    yield from _findings(report)
    yield from _permissions(report)
    yield from _coverage(report)
    yield from _dependencies(report)
    yield from _taken_out(report)


def _verdict(report: Report) -> str:
    return f"{_SIGNS[report.verdict]} {report.verdict.value}"


def _name(report: Report) -> str:
    return f"{report.project.name} {report.project.version}".strip()


def _terms(report: Report) -> str:
    if report.profile is None:
        return ""
    differs = "; ".join(report.profile.differences)
    return f", profile {escaped(report.profile.name)}" + (
        f" (**not the same here**: {escaped(differs)})" if differs else ""
    )


def _selected(report: Report) -> Iterator[str]:
    if report.selection is None:
        return
    asked = ", ".join(report.selection.asked)
    yield ""
    counts = f"{report.selection.taken_out} findings were taken out, {report.selection.blocking} of which would block"
    yield f"**This is a verdict over selected rules only** ({escaped(asked)}): {counts}."


def _findings(report: Report) -> Iterator[str]:
    findings = sorted(worth_showing(report), key=lambda finding: (rank(finding), finding.sort_key))
    if not findings:
        return
    locate = in_repository(report)
    rows = [
        [
            _level(finding),
            escaped(finding.rule),
            escaped(f"{locate(finding.location.path)}:{finding.location.line}"),
            _said(finding),
        ]
        for finding in findings
    ]
    yield from _titled("Findings", _table(["level", "rule", "place", "what is wrong, and what helps"], rows))


def _level(finding: Finding) -> str:
    if finding.severity is Severity.INCOMPLETE or blocks(finding):
        return f"**{finding.severity.value}**"
    guess = finding.severity is Severity.ERROR
    return "error (low confidence, does not block)" if guess else finding.severity.value


def _said(finding: Finding) -> str:
    chain = " → ".join(f"{step.label} ({step.location.path}:{step.location.line})" for step in finding.evidence)
    parts = [finding.message, chain, f"help: {finding.help}" if finding.help else ""]
    return "<br>".join(escaped(part) for part in parts if part)


def _permissions(report: Report) -> Iterator[str]:
    rows = [
        [
            row.standing.value,
            escaped(f"{row.type} {row.pattern or '*'}"),
            "<br>".join(escaped(part) for part in (row.reason, _uses(row.uses)) if part),
            escaped(", ".join(one.holder.value for one in row.enforced_by)) or "not granted",
        ]
        for row in permission_rows(report.permissions)
    ]
    if rows:
        titles = ["standing", "permission", "reason, and where it is used", "enforced by"]
        yield from _titled("Permissions", _table(titles, rows))


def _uses(uses: Sequence[InferredPermission]) -> str:
    """Name the first place, and how many others there are."""
    if not uses:
        return ""
    first = uses[0]
    last = first.chain[-1] if first.chain else None
    place = f"{last.label} ({last.location.path}:{last.location.line})" if last else ""
    through = f" through {first.through}" if first.through else ""
    more = f" and {len(uses) - 1} more" if len(uses) > 1 else ""
    return f"{first.access}: {place}{through}{more}"


def _coverage(report: Report) -> Iterator[str]:
    runs = {run.name: run for run in report.scanners}
    rows = [_account(account, runs.get(account.analyser)) for account in report.coverage]
    titles = ["analyser", "given", "analysed", "skipped", "failed", "note"]
    yield from _titled("What was looked at", _table(titles, rows))


def _account(account: Coverage, run: ScannerRun | None) -> list[str]:
    name = f"{account.analyser} {run.version}".strip() if run else account.analyser
    counts = [account.count(state) for state in (State.ANALYSED, State.SKIPPED, State.FAILED)]
    given = f"{len(account.entries)} {account.unit}{'' if len(account.entries) == 1 else 's'}"
    return [escaped(name), given, *map(str, counts), escaped(run.detail if run else "")]


def _dependencies(report: Report) -> Iterator[str]:
    if not report.dependencies and report.advisories is None:
        return
    yield from _titled("Dependencies", [""])
    if report.advisories:
        dated = f", dated {report.advisories.date}" if report.advisories.date else ""
        yield escaped(f"Advisories: {report.advisories.source}{dated}")
    rows = [[escaped(f"{one.name} {one.version}".strip()), one.status, _known(one)] for one in report.dependencies]
    if rows:
        yield from _table(["package", "audit", "known vulnerabilities"], rows)


def _known(dependency: AuditedDependency) -> str:
    found = [
        f"{one.id} {f'({one.severity})' if one.severity else ''} {one.summary}"
        + (f"; fixed in {', '.join(one.fixed)}" if one.fixed else "")
        for one in dependency.vulnerabilities
    ]
    return "<br>".join(map(escaped, found)) or escaped(dependency.reason)


def _taken_out(report: Report) -> Iterator[str]:
    rows = [
        [escaped(one.finding.rule), escaped(str(one.finding.location)), escaped(one.why)] for one in taken_out(report)
    ]
    if rows:
        yield from _titled("Taken out", _table(["rule", "place", "why"], rows))
    if unused := not_used_line(report):
        yield ""
        yield escaped(f"C{unused[1:]}.")
    if report.not_run:
        yield ""
        yield f"Checked as a library: {len(report.not_run)} rules about plugins did not run."
    if report.hidden:
        by = f" ({', '.join(report.hidden_by)})" if report.hidden_by else ""
        yield ""
        yield escaped(f"{report.hidden} findings are not shown{by}")


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield f"### {title}"
    yield from lines


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _bounded(page: str) -> str:
    """Cut a page after a whole line, and say so."""
    page = f"{page}\n"
    data = page.encode("utf-8", "backslashreplace")
    if len(data) <= MAX_BYTES:
        return page
    kept = data[: MAX_BYTES - 200].decode("utf-8", "ignore").rpartition("\n")[0]
    lost = page.count("\n") - kept.count("\n")
    return f"{kept}\n\n**Cut here: {lost} more lines.** `--output json=FILE` writes the whole report.\n"
