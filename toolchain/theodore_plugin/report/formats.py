"""Every form a report can take, by the name ``--output-format`` and ``--output`` know it under.

One module per form, imported when it is asked for; each has ``render(reports) -> str`` and reads the report model
alone. ``full`` and ``concise`` are lines for people (:mod:`.text`), drawn here as they would look without colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the names are wanted where options are parsed, long before there is a report
    from rich.text import Text

    from theodore_plugin.report.model import Report

FORMATS: Mapping[str, str] = {
    "full": "theodore_plugin.report.text",
    "concise": "theodore_plugin.report.text",
    "json": "theodore_plugin.report.json",
    "sarif": "theodore_plugin.report.sarif",
    "github": "theodore_plugin.report.github",
    "gitlab": "theodore_plugin.report.gitlab",
    "junit": "theodore_plugin.report.junit",
    "markdown": "theodore_plugin.report.markdown",
    "html": "theodore_plugin.report.html",
}
LINES = ("full", "concise")
"""The forms made of lines: their generator in :mod:`.text` has the same name."""
FILE_WIDTH = 120
"""Columns of a drawing that goes to a file."""


def rendered(name: str, reports: Sequence[Report], *, width: int | None = None) -> str:
    """Return ``reports`` in the form ``name``; ``width`` is the columns of text for people, default 120.

    Raises KeyError for a name that is not in :data:`FORMATS`.
    """
    if name in LINES:
        return _drawn(lines_of(name, reports, width), width or FILE_WIDTH)
    text: str = import_module(FORMATS[name]).render(reports)
    return text


def lines_of(name: str, reports: Sequence[Report], width: int | None = None, *, matrix: bool = False) -> Iterator[Text]:
    """Yield the lines of a form for people, project by project; in full, also what several come to.

    They are broken at ``width`` columns if there is one; ``matrix`` adds a row per host.
    """
    from rich.text import Text

    from theodore_plugin.report.hosts_text import hosts_table
    from theodore_plugin.report.text import overview

    generator = getattr(import_module(FORMATS[name]), name)
    for number, report in enumerate(reports):
        if number and name == "full":
            yield Text()
        if matrix:
            yield from hosts_table(report.hosts)
        yield from generator(report, width)
    if name == "full":
        yield from overview(reports, width)


def _drawn(lines: Iterator[Text], width: int) -> str:
    from rich.console import Console

    drawn = StringIO()
    console = Console(file=drawn, width=width, color_system=None, markup=False, emoji=False, highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)
    return drawn.getvalue()
