"""Print a report on standard output in the format that was asked for."""

from __future__ import annotations

from itertools import chain

from theodore_plugin.cli.console import stdout
from theodore_plugin.report.hosts_text import hosts_table
from theodore_plugin.report.json import to_json
from theodore_plugin.report.model import Report
from theodore_plugin.report.text import concise, full

LINE_RENDERERS = {"full": full, "concise": concise}
FORMATS = (*LINE_RENDERERS, "json")


def print_report(report: Report, output_format: str = "full", *, matrix: bool = False) -> None:
    """Print ``report`` as one of :data:`FORMATS`; ``matrix`` adds a row per host (JSON always has them)."""
    if output_format == "json":
        stdout.out(to_json(report), end="", highlight=False)
        return
    lines = LINE_RENDERERS[output_format](report)
    for line in chain(hosts_table(report.hosts), lines) if matrix else lines:
        stdout.print(line)
