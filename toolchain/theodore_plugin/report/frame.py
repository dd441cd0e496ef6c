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

_LINE_END = re.compile(r"\r\n|\r|\n")
"""As the interpreter counts lines; a form feed or U+2028 ends none."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line as written, around what is underlined; nothing in it is made safe to print yet."""

    before: str
    marked: str
    after: str


def code_frame(location: Location, sources: Mapping[str, bytes], style: str) -> Iterator[Text]:
    """Yield the frame, or nothing where the text is not at hand (a lock inside a wheel, say)."""
    line = line_at(location.path, location.line, sources)
    if not line.strip():
        return
    gutter = " " * max(2, len(str(location.line)))
    part = excerpt(line, location)
    before, marked, after = visible(part.before), visible(part.marked), visible(part.after)
    caret = " " * cell_len(before) + "^" * max(1, cell_len(marked))
    yield Text(f"{gutter} |", "cyan")
    yield Text.assemble((f"{location.line:>{len(gutter)}} |", "cyan"), f" {before}{marked}{after}")
    yield Text.assemble((f"{gutter} | ", "cyan"), (caret, style))


def line_at(path: str, number: int, sources: Mapping[str, bytes]) -> str:
    """Return one line as written, without its end; empty where there is none."""
    source = sources.get(path)
    lines = _lines(source) if source is not None else ()
    return lines[number - 1] if 0 < number <= len(lines) else ""


def excerpt(line: str, location: Location) -> Excerpt:
    """Split ``line``, the first one of ``location``, around what is underlined; long ends are left out."""
    start = min(location.column - 1, len(line))
    end = max(start, min(_end(line, start, location), len(line), start + MAX_CHARACTERS))
    head, tail = line[:start], line[end:]
    if start > MAX_CHARACTERS // 2:
        head = f"…{head[-MAX_CHARACTERS // 4 :]}"
    room = max(0, MAX_CHARACTERS - len(head) - (end - start))
    if len(tail) > room:
        tail = f"{tail[:room]}…"
    return Excerpt(head, line[start:end], tail)


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
