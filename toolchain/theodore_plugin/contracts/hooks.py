"""Does a method's name mean a hook that nobody implements? Spelling, word order, case, and async or sync twins."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_MODES = frozenset({"async", "sync", "aio"})
SHORT = 8
"""Below this length one edit is a slip; from here on two are."""


def meant(name: str, hooks: Iterable[str]) -> str | None:
    """Return the hook a name stands for, or ``None`` when it resembles none."""
    candidates = sorted(hook for hook in hooks if hook != name and _is_special(hook) == _is_special(name))
    for looks_like in (_same_words, _same_letters, _reordered, _twin):
        for hook in candidates:
            if looks_like(name, hook):
                return hook
    # as many edits as the lengths differ by are needed in any case
    near = [hook for hook in candidates if abs(len(name) - len(hook)) <= _slips(name, hook)]
    close = [(distance(name, hook), hook) for hook in near]
    return next((hook for steps, hook in sorted(close) if steps <= _slips(name, hook)), None)


def words(name: str) -> list[str]:
    """Split a name in any case convention into lower-case words."""
    return [word.lower() for word in _WORD.findall(name)]


def distance(one: str, other: str) -> int:
    """Edit distance with adjacent transpositions (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, against in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
    return row[-1]


def _slips(name: str, hook: str) -> int:
    return 1 if min(len(name), len(hook)) < SHORT else 2


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _same_words(name: str, hook: str) -> bool:
    return words(name) == words(hook)


def _same_letters(name: str, hook: str) -> bool:
    return name.replace("_", "").lower() == hook.replace("_", "").lower()


def _reordered(name: str, hook: str) -> bool:
    mine, theirs = words(name), words(hook)
    return len(mine) > 1 and sorted(mine) == sorted(theirs)


def _twin(name: str, hook: str) -> bool:
    """``scrape_async``, ``async_scrape`` and ``ascrape`` for ``scrape``."""
    plain = [word for word in words(name) if word not in _MODES]
    return plain == words(hook) or (name.startswith("a") and name[1:] == hook)
