"""Show reports in the format that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from theodore_plugin.cli.screen import Screen
from theodore_plugin.report.hosts_text import hosts_table
from theodore_plugin.report.json import to_json
from theodore_plugin.report.model import Report
from theodore_plugin.report.text import concise, full

LINE_RENDERERS = {"full": full, "concise": concise}
FORMATS = (*LINE_RENDERERS, "json")


def show_reports(reports: Sequence[Report], output_format: str, screen: Screen, *, matrix: bool = False) -> None:
    """Show ``reports`` as one of :data:`FORMATS`; ``matrix`` adds a row per host (JSON always has them)."""
    for report in reports:
        if output_format == "json":
            screen.write(to_json(report))
            continue
        lines = LINE_RENDERERS[output_format](report)
        screen.print(chain(hosts_table(report.hosts), lines) if matrix else lines)
