"""Regular expressions from strangers: a subset that Python's backtracking matcher finishes quickly.

A backtracking matcher may try every way in which a text can be divided among the repeats and branches of a pattern.
:func:`regex_problem` multiplies these ways up and refuses a pattern with more than :data:`MAX_WAYS` of them for a text
of :data:`MAX_TEXT` characters, so that nested repeats, or more than three open ones in a row, never run.
Look-around, back-references and inline flags are not accepted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_PATTERN = 512
MAX_TEXT = 512
MAX_WAYS = (MAX_TEXT + 1) ** 3

_TOKEN = re.compile(
    r"""
      (?P<atom> \\. | \[\^?\]?(?:\\.|[^\]\\])*\] | [^\\()\[\]|*+?{}] )
    | (?P<open> \((?:\?:|\?P<\w+>|(?!\?)) )
    | (?P<close> \) )
    | (?P<branch> \| )
    | (?P<repeat> [*+?][+?]? | \{\d{0,4}(?:,\d{0,4})?\}[+?]? )
    """,
    re.VERBOSE | re.DOTALL,
)


def regex_problem(pattern: str) -> str | None:
    """Say why a pattern is not accepted, or ``None``."""
    if len(pattern) > MAX_PATTERN:
        return f"longer than {MAX_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"not a regular expression: {error}"
    return _ways_problem(pattern)


@dataclass(slots=True)
class _Group:
    """The ways through an unfinished group: finished branches, the branch at hand, and its last item."""

    finished: float = 0.0
    branch: float = 1.0
    item: float = 1.0

    def add(self, ways: float) -> None:
        self.branch, self.item = self.branch * self.item, ways

    def next_branch(self) -> None:
        self.finished, self.branch, self.item = self.ways, 1.0, 1.0

    @property
    def ways(self) -> float:
        return self.finished + self.branch * self.item


def _ways_problem(pattern: str) -> str | None:
    groups = [_Group()]
    position = 0
    while position < len(pattern):
        token = _TOKEN.match(pattern, position)
        if token is None or re.fullmatch(r"\\[1-9]", token.group()):
            return f"{pattern[position : position + 4]!r}: no look-around, back-references, flags or stray braces"
        _take(groups, str(token.lastgroup), token.group())
        position = token.end()
    anchored = pattern.startswith("^") and not groups[0].finished
    # a search that may begin anywhere tries the whole pattern at every character
    if groups[0].ways * (1 if anchored else MAX_TEXT) > MAX_WAYS:
        return "too many ways to match; do not nest repeats, anchor it with ^, use at most three open repeats"
    return None


def _take(groups: list[_Group], kind: str, text: str) -> None:
    match kind:
        case "open":
            groups.append(_Group())
        case "close":
            ways = groups.pop().ways
            groups[-1].add(ways)
        case "branch":
            groups[-1].next_branch()
        case "repeat":
            groups[-1].item = _repeated(groups[-1].item, text)
        case _:
            groups[-1].add(1.0)


def _repeated(ways: float, quantifier: str) -> float:
    """Return the ways through a repeated item; without end where an open repeat holds choices of its own.

    In floating point, because the exact number of nested repeats would itself be a bomb.
    """
    low, high = _bounds(quantifier)
    try:
        return (high - low + 1) * ways**high
    except OverflowError:
        return math.inf


def _bounds(quantifier: str) -> tuple[int, int]:
    if quantifier[0] in "*+?":
        return 0, 1 if quantifier[0] == "?" else MAX_TEXT
    low, comma, high = quantifier.rstrip("+?")[1:-1].partition(",")
    lowest = int(low or 0)
    return lowest, int(high or MAX_TEXT) if comma else lowest
