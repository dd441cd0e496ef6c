"""What a report leaves out, in a line each: below a threshold, not selected, accepted by a baseline."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from theodore_plugin.report.model import Report
from theodore_plugin.report.visible import visible


def withheld_lines(report: Report) -> Iterator[Text]:
    """Yield a line for each way findings were left out; a verdict over selected rules stands out."""
    if report.baselined:
        yield Text(f"{_findings(len(report.baselined))} accepted by the baseline", "dim")
    if report.hidden:
        by = f" ({', '.join(map(visible, report.hidden_by))})" if report.hidden_by else ""
        yield Text(f"{_findings(report.hidden)} not shown{by}", "dim")
    if report.not_run:
        yield Text(f"checked as a library: {len(report.not_run)} rules about plugins did not run", "dim")
    if report.selection:
        asked = visible(", ".join(report.selection.asked))
        blocking = report.selection.blocking
        said = f"selected rules only ({asked}): {blocking} of what is left out would fail the check"
        yield Text(said, "bold yellow" if blocking else "dim")


def _findings(number: int) -> str:
    return f"{number} finding{'' if number == 1 else 's'}"
