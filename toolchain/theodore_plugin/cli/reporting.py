"""Print a report on standard output in the format that was asked for."""

from __future__ import annotations

from theodore_plugin.cli.console import stdout
from theodore_plugin.report.json import to_json
from theodore_plugin.report.model import Report
from theodore_plugin.report.text import concise, full

LINE_RENDERERS = {"full": full, "concise": concise}
FORMATS = (*LINE_RENDERERS, "json")


def print_report(report: Report, output_format: str = "full") -> None:
    """Print ``report`` as one of :data:`FORMATS`."""
    if output_format == "json":
        stdout.out(to_json(report), end="", highlight=False)
        return
    for line in LINE_RENDERERS[output_format](report):
        stdout.print(line)
