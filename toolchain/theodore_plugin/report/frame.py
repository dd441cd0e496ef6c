"""The source line a finding points at, with its number and an underline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.text import Text

from theodore_plugin.finding import Location
from theodore_plugin.report.visible import visible

MAX_CHARACTERS = 160
"""Longer lines (minified code, data) are cut around the finding."""


def code_frame(location: Location, sources: Mapping[str, bytes], style: str) -> Iterator[Text]:
    """Yield the frame, or nothing where the text is not at hand (a lock inside a wheel, say)."""
    line = _line(location, sources.get(location.path))
    if line is None:
        return
    gutter = " " * max(2, len(str(location.line)))
    before, marked, after = _cut(line, location)
    caret = " " * cell_len(before) + "^" * max(1, cell_len(marked))
    yield Text(f"{gutter} |", "cyan")
    yield Text.assemble((f"{location.line:>{len(gutter)}} |", "cyan"), f" {before}{marked}{after}")
    yield Text.assemble((f"{gutter} | ", "cyan"), (caret, style))


def _line(location: Location, source: bytes | None) -> str | None:
    if source is None:
        return None
    lines = source.decode("utf-8", "replace").split("\n")
    if location.line > len(lines):
        return None
    line = lines[location.line - 1].removesuffix("\r").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    return line if line.strip() else None


def _cut(line: str, location: Location) -> tuple[str, str, str]:
    """Split the line around what is underlined, each part made visible, long ends left out."""
    start = min(location.column - 1, len(line))
    end = location.end_column - 1 if location.end_column and location.end_line == location.line else start + 1
    if location.end_line is not None and location.end_line > location.line:
        end = len(line)
    end = max(start, min(end, len(line), start + MAX_CHARACTERS))
    head, tail = line[:start], line[end:]
    if start > MAX_CHARACTERS // 2:
        head = f"…{head[-MAX_CHARACTERS // 4 :]}"
    room = max(0, MAX_CHARACTERS - len(head) - (end - start))
    if len(tail) > room:
        tail = f"{tail[:room]}…"
    return visible(head), visible(line[start:end]), visible(tail)
