"""The source line a finding points at, with its number and an underline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from rich.text import Text

from theodore_plugin.finding import Location
from theodore_plugin.report.visible import visible

MAX_CHARACTERS = 160
"""Longer lines (minified code, data) are cut around the finding."""
NARROWEST = 4

_LINE_END = re.compile(r"\r\n|\r|\n")
"""As the interpreter counts lines; a form feed or U+2028 ends none."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line as written, around what is underlined; nothing in it is made safe to print yet."""

    before: str
    marked: str
    after: str


def code_frame(
    location: Location, sources: Mapping[str, bytes], style: str, width: int | None = None
) -> Iterator[Text]:
    """Yield the frame, or nothing where the text is not at hand, or where the file as a whole is meant.

    ``width`` is the columns there are; the line is cut around the finding to fit them.
    """
    line = line_at(location.path, location.line, sources)
    if not line.strip() or means_the_file(location):
        return
    gutter = " " * max(2, len(str(location.line)))
    before, marked, after = _fitting(line, location, width and width - len(gutter) - 3)
    caret = " " * cell_len(before) + "^" * max(1, cell_len(marked))
    yield Text(f"{gutter} |", "cyan")
    yield Text.assemble((f"{location.line:>{len(gutter)}} |", "cyan"), f" {before}{marked}{after}")
    yield Text.assemble((f"{gutter} | ", "cyan"), (caret, style))


def means_the_file(location: Location) -> bool:
    """Tell whether a location points at a file and nothing in it."""
    return (location.line, location.column, location.end_line) == (1, 1, None)


def _fitting(line: str, location: Location, columns: int | None) -> tuple[str, str, str]:
    """Cut the line until what is shown fits; wide and escaped characters take more columns than one."""
    room = MAX_CHARACTERS if columns is None else max(NARROWEST, min(columns, MAX_CHARACTERS))
    while True:
        part = excerpt(line, location, room)
        shown = visible(part.before), visible(part.marked), visible(part.after)
        excess = sum(map(cell_len, shown)) - (columns or MAX_CHARACTERS * 10)
        if excess <= 0 or room <= NARROWEST:
            return shown
        room = max(NARROWEST, room - max(1, excess // 2))


def line_at(path: str, number: int, sources: Mapping[str, bytes]) -> str:
    """Return one line as written, without its end; empty where there is none."""
    source = sources.get(path)
    lines = _lines(source) if source is not None else ()
    return lines[number - 1] if 0 < number <= len(lines) else ""


def excerpt(line: str, location: Location, room: int = MAX_CHARACTERS) -> Excerpt:
    """Split ``line``, the first one of ``location``, around what is underlined; ends beyond ``room`` are left out."""
    start = min(location.column - 1, len(line))
    end = max(start, min(_end(line, start, location), len(line)))
    head = line[:start]
    if end > room and start > room // 4:
        head = f"…{line[start - room // 4 : start]}"
    marked = _cut(line[start:end], room - len(head))
    left = room - len(head) - len(marked)
    return Excerpt(head, marked, _cut(line[end:], left) if left > 0 else "")


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(0, room - 1)]}…"


def _end(line: str, start: int, location: Location) -> int:
    if location.end_line is not None and location.end_line > location.line:
        return len(line)
    if location.end_column and location.end_line == location.line:
        return location.end_column - 1
    return start + 1


@lru_cache(maxsize=4)
def _lines(source: bytes) -> tuple[str, ...]:
    """Split a file once for all findings in it."""
    text = source.decode("utf-8", "replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    return tuple(_LINE_END.split(text))
