"""The host matrix: for each host version in the declared range, compatible or what breaks."""

from __future__ import annotations

from theodore_plugin.contracts.matrix import HostAnswer
from theodore_plugin.finding import Verdict
from theodore_plugin.report.html.context import Context, code, place, table
from theodore_plugin.report.html.markup import Child, Html, element, text

_ANSWERS = {
    Verdict.PASS: ("compatible", "good"),
    Verdict.FAIL: ("breaks", "bad"),
    Verdict.INCOMPLETE: ("not known", "unsure"),
}


def hosts(context: Context) -> Html | None:
    """Return the section of host versions, or nothing where none was asked."""
    matrix = context.report.hosts
    if not matrix.answers:
        return None
    wanted = f"Declared range {matrix.wanted}" if matrix.wanted else "No range could be read"
    return context.section(
        "hosts", "Hosts", table(wanted, ("Host", "Answer", "What was found"), [_row(one) for one in matrix.answers])
    )


def _row(answer: HostAnswer) -> tuple[Child, ...]:
    word, look = _ANSWERS[answer.verdict]
    found = [
        element("div", code(one.rule), " ", place(one.location), " ", text(one.message, limit=300))
        for one in answer.findings
    ]
    return (
        answer.version,
        element("span", word, class_=f"standing {look}"),
        found or element("span", "nothing", class_="quiet"),
    )
