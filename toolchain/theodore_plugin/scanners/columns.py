"""Columns as Python's parser counts them, in bytes of UTF-8, made into the code points that reports count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from theodore_plugin.finding import Finding, Location
from theodore_plugin.project import SourceFile

_LINE_END = re.compile(r"\r\n|\r|\n")
"""As the interpreter counts lines."""


def in_code_points(findings: Iterable[Finding], files: Sequence[SourceFile]) -> Iterator[Finding]:
    """Yield findings whose columns count UTF-8 bytes (from 1) with columns that count characters."""
    by_path = {file.path: file for file in files if not file.data.isascii()}
    lines: dict[str, list[str]] = {}
    for finding in findings:
        path = finding.location.path
        if path not in by_path:
            yield finding
            continue
        if path not in lines:
            lines[path] = _lines(by_path[path])
        yield replace(finding, location=_converted(finding.location, lines[path]))


def _converted(place: Location, lines: Sequence[str]) -> Location:
    column = _characters(lines, place.line, place.column)
    if place.end_column is None:
        return replace(place, column=column)
    return replace(place, column=column, end_column=_characters(lines, place.end_line or place.line, place.end_column))


def _characters(lines: Sequence[str], line: int, column: int) -> int:
    """Return the column in characters; a line that is not there, or is shorter, leaves it as it is."""
    data = lines[line - 1].encode() if line <= len(lines) else b""
    return len(data[: column - 1].decode("utf-8", "ignore")) + 1 if column - 1 <= len(data) else column


def _lines(file: SourceFile) -> list[str]:
    from theodore_plugin.facts.decoding import decode

    text = decode(file)
    return _LINE_END.split(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")) if isinstance(text, str) else []
