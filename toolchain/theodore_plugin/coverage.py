"""What was looked at: for every analyser, each thing it was given is analysed, skipped or failed.

The sum always equals the list it was given; :meth:`Coverage.account` refuses anything else, so a file
that fell through a crack ends the check *incomplete*, never clean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """What happened to one file (or package) in one analyser."""

    ANALYSED = "analysed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, order=True)
class Covered:
    """One thing an analyser was given; skipped and failed ones say why."""

    path: str
    state: State = State.ANALYSED
    reason: str = ""

    def __post_init__(self) -> None:
        if self.state is not State.ANALYSED and not self.reason:
            raise ValueError(f"{self.path} was {self.state.value}: say why")


class CoverageError(Exception):
    """An analyser's account does not add up to what it was given; nothing it says can be relied on."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One analyser's account. ``unit`` is ``file``, or ``package`` for what audits dependencies."""

    analyser: str
    entries: tuple[Covered, ...]
    unit: str = "file"

    @classmethod
    def account(
        cls, analyser: str, given: Iterable[str], entries: Iterable[Covered], *, unit: str = "file"
    ) -> Coverage:
        """Build the account of ``given`` (names, each once); raise :class:`CoverageError` unless it adds up."""
        ordered = tuple(sorted(entries, key=lambda entry: entry.path))
        expected, seen = Counter(given), Counter(entry.path for entry in ordered)
        if expected != seen:
            raise CoverageError(f"{analyser}: {_difference(expected, seen)}")
        return cls(analyser, ordered, unit)

    @classmethod
    def uniform(
        cls, analyser: str, given: Iterable[str], state: State, reason: str = "", *, unit: str = "file"
    ) -> Coverage:
        """Build the account in which everything met the same fate."""
        return cls(analyser, tuple(Covered(name, state, reason) for name in sorted(given)), unit)

    def count(self, state: State) -> int:
        """Return how many entries are in ``state``."""
        return sum(entry.state is state for entry in self.entries)

    @property
    def failed(self) -> tuple[Covered, ...]:
        """What was given and not looked at, against the analyser's will."""
        return tuple(entry for entry in self.entries if entry.state is State.FAILED)


def _difference(expected: Counter[str], seen: Counter[str]) -> str:
    missing, extra = sorted((expected - seen).elements()), sorted((seen - expected).elements())
    parts = [("unaccounted for", missing), ("accounted for but never given", extra)]
    return "; ".join(f"{what}: {', '.join(names[:5])}" for what, names in parts if names)
