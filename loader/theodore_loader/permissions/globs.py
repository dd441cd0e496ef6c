"""Globs over one name: ``*`` stands for any run of characters, everything else for itself.

Names never contain a literal ``*``, and the alphabet is larger than any pattern. Hence two facts the code rests on:
a glob covers another exactly when it matches the other's *text* (its own stars swallow the other's stars), and a glob
that lies inside a union of globs lies inside one of them.
"""

from __future__ import annotations

from collections.abc import Iterable

MAX_PIECES = 32
"""Intersections of more pieces than this are reported as empty: nothing is granted that cannot be written down."""


def normal(glob: str) -> str:
    """Collapse runs of stars, which mean the same as one."""
    while "**" in glob:
        glob = glob.replace("**", "*")
    return glob


def matches(glob: str, text: str) -> bool:
    """Tell whether ``text`` is in the set; linear in practice, O(len * len) at worst."""
    if "*" not in glob:
        return glob == text
    at, star, resume, position = 0, -1, 0, 0
    while position < len(text):
        if at < len(glob) and glob[at] == "*":
            star, resume, at = at, position, at + 1
        elif at < len(glob) and glob[at] == text[position]:
            at, position = at + 1, position + 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return all(char == "*" for char in glob[at:])


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every name of ``narrow`` is a name of ``wide``."""
    return matches(wide, narrow)


def overlaps(left: str, right: str) -> bool:
    """Tell whether some name is in both: dynamic programming over suffixes, last row first."""
    below = [False] * len(right) + [True]
    for j in range(len(right) - 1, -1, -1):
        below[j] = below[j + 1] and right[j] == "*"
    for i in range(len(left) - 1, -1, -1):
        row = [False] * len(right) + [below[-1] and left[i] == "*"]
        for j in range(len(right) - 1, -1, -1):
            if left[i] == "*" or right[j] == "*":
                row[j] = below[j] or row[j + 1] if left[i] == "*" else row[j + 1] or below[j]
            else:
                row[j] = left[i] == right[j] and below[j + 1]
        below = row
    return below[0]


def intersection(left: str, right: str) -> tuple[str, ...]:
    """Return the globs whose union is the intersection, none inside another; empty when disjoint.

    ``MY_*`` and ``*_KEY`` meet in two pieces, ``MY_*_KEY`` and ``MY_KEY``.
    """
    if covers(left, right):
        return (right,)
    if covers(right, left):
        return (left,)
    if not overlaps(left, right):
        return ()
    try:
        return tuple(sorted(_pieces(left, right)))
    except _TooManyPiecesError:
        return ()


class _TooManyPiecesError(Exception):
    """The intersection of two rests has more than :data:`MAX_PIECES` pieces."""


def _pieces(left: str, right: str) -> set[str]:
    below = [_only_stars(right[j:]) for j in range(len(right) + 1)]
    for i in range(len(left) - 1, -1, -1):
        row: list[set[str]] = [set() for _ in right] + [_only_stars(left[i:])]
        for j in range(len(right) - 1, -1, -1):
            row[j] = _cell(left[i], right[j], below[j], row[j + 1], below[j + 1])
        below = row
    return below[0]


def _only_stars(rest: str) -> set[str]:
    """Where one glob has ended, the rest of the other has to stand for nothing."""
    return set() if rest.strip("*") else {""}


def _cell(left: str, right: str, left_on: set[str], right_on: set[str], both_on: set[str]) -> set[str]:
    """Pieces of two rests, from those with the left, the right, or both heads taken off."""
    if left == right == "*":
        return _maximal(_prefixed("*", left_on | right_on))
    if left == "*":
        return _maximal(left_on | _prefixed(right, right_on))
    if right == "*":
        return _maximal(right_on | _prefixed(left, left_on))
    return _prefixed(left, both_on) if left == right else set()


def _prefixed(head: str, tails: Iterable[str]) -> set[str]:
    return {normal(head + tail) for tail in tails}


def _maximal(pieces: set[str]) -> set[str]:
    kept = {one for one in pieces if not any(other != one and covers(other, one) for other in pieces)}
    if len(kept) > MAX_PIECES:
        raise _TooManyPiecesError
    return kept
