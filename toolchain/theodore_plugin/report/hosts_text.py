"""The host matrix for people: one row per host version, and what breaks there below it.

::

    host   answer
    2.0.0  compatible
    2.1.0  breaks
           removed-api-use  src/my_plugin/plugin.py:12:5  theodore_sdk.RateLimit does not exist in host 2.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from theodore_plugin.contracts.matrix import HostAnswer, HostMatrix
from theodore_plugin.finding import Finding, Verdict
from theodore_plugin.report.visible import visible

_HEAD = "host"
_ANSWERS = {
    Verdict.PASS: ("compatible", "green"),
    Verdict.FAIL: ("breaks", "red"),
    Verdict.INCOMPLETE: ("not known: a rule failed", "magenta"),
}


def hosts_table(matrix: HostMatrix) -> Iterator[Text]:
    """Yield the table line by line; where no row can be given, why."""
    if not matrix.answers:
        yield Text(visible(_why_empty(matrix)), "yellow")
        return
    width = max(len(_HEAD), *(len(answer.version) for answer in matrix.answers))
    yield Text(f"{_HEAD:{width}}  answer", "bold")
    for answer in matrix.answers:
        yield from _rows(answer, width)


def _why_empty(matrix: HostMatrix) -> str:
    known = ", ".join(matrix.known)
    if matrix.wanted is None:
        return f"host matrix: compatible_versions could not be read (known hosts: {known})"
    return f"host matrix: no known host is in {matrix.wanted!r} (known hosts: {known})"


def _rows(answer: HostAnswer, width: int) -> Iterator[Text]:
    yield Text.assemble(f"{answer.version:{width}}  ", _ANSWERS[answer.verdict])
    for finding in answer.findings:
        yield Text.assemble(" " * (width + 2), _line(finding))


def _line(finding: Finding) -> str:
    return visible(f"{finding.rule}  {finding.location}  {finding.message}")
