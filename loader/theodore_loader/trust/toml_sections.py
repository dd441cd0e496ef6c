"""Taking sections out of a TOML text, and keys into them, leaving every other byte where it is.

Works on lines, so it is a proposal: whoever uses it parses the result and compares it with what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?")


@dataclass(frozen=True, slots=True)
class _Span:
    """Lines of one section: comments right above its header, the header, up to its last value; counted from 0."""

    first: int
    header: int
    end: int


def without(text: str, section: str, indexes: Collection[int]) -> str:
    """Return ``text`` without the sections ``[[section]]`` of these numbers, counted from 0.

    Comments right above a header go with it, others stay. Raises IndexError for a section that cannot be found.
    """
    lines = text.splitlines(keepends=True)
    spans = _spans(lines, section)
    for span in sorted((spans[index] for index in indexes), key=lambda span: span.first, reverse=True):
        end = span.end + 1 if span.end < len(lines) and not lines[span.end].strip() else span.end
        del lines[span.first : end]
    return "".join(lines)


def with_key(text: str, section: str, index: int, key: str, value: str) -> str:
    """Return ``text`` with ``key = value`` in one section, in place of a line with that key or at its end.

    Raises IndexError for a section that cannot be found.
    """
    lines = text.splitlines(keepends=True)
    span = _spans(lines, section)[index]
    if not lines[span.end - 1].endswith("\n"):
        lines[span.end - 1] += "\n"
    known = [number for number in range(span.header, span.end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[number])]
    place = slice(known[0], known[0] + 1) if known else slice(span.end, span.end)
    lines[place] = [f"{key} = {value}\n"]
    return "".join(lines)


def _spans(lines: Sequence[str], section: str) -> list[_Span]:
    headers = [(number, match[1]) for number, line in enumerate(lines) if (match := _HEADER.fullmatch(line.rstrip()))]
    ends = [number for number, _ in headers[1:]] + [len(lines)]
    return [
        _Span(_first(lines, number), number, _end(lines, number, limit))
        for (number, name), limit in zip(headers, ends, strict=True)
        if name == section
    ]


def _first(lines: Sequence[str], header: int) -> int:
    first = header
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    # A block of comments that opens the file is about the file.
    return first if first else header


def _end(lines: Sequence[str], header: int, limit: int) -> int:
    values = [
        number
        for number in range(header, limit)
        if lines[number].strip() and not lines[number].lstrip().startswith("#")
    ]
    return values[-1] + 1
