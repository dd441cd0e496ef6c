"""Where the values of a JSON document stand: the parser of the standard library does not say."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+|\n')


def lines(text: str, wanted: Collection[Place]) -> Mapping[Place, int]:
    """Return the line (from 1) of each ``wanted`` value of a valid document; of all values would fill the memory."""
    found: dict[Place, int] = {}
    line = 1
    path: list[str | int] = []
    key: str | None = None
    for match in _TOKEN.finditer(text):
        part = match[0]
        if part == "\n":
            line += 1
        elif part == ":":
            path[-1] = json.loads(key or '""')
        elif part == ",":
            path[-1] = _next(path[-1])
        elif part in "}]":
            path.pop()
        else:
            key = part
            if (place := tuple(path)) in wanted:
                found.setdefault(place, line)
            if part in "{[":
                path.append("" if part == "{" else 0)
    return found


def line_of(place: Place, known: Mapping[Place, int]) -> int:
    """Return the line of a value, or of the nearest thing around it that has one."""
    while place and place not in known:
        place = place[:-1]
    return known.get(place, 1)


def _next(last: str | int) -> str | int:
    return last + 1 if isinstance(last, int) else last
