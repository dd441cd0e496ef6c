"""The numbered steps of a verification, as they are told: those that were passed, and the one that refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from theodore_loader.errors import Refused

TITLES = {
    1: "read",
    2: "receipt",
    3: "publisher",
    4: "statements",
    5: "verdict",
    6: "standing",
    7: "permissions",
    8: "hand on",
    9: "source",
}
"""The ninth is taken on request: the wheel against its source, which builds it again."""


@dataclass(frozen=True, slots=True)
class VerifiedStep:
    """One step that was passed, what it established, and ``file:line`` of what decided, where one line did."""

    number: int
    title: str
    detail: str
    where: str | None = None


class NotVerified(Refused):
    """A step refused. ``steps`` were passed before; ``number`` and ``title`` name the one that was not."""

    def __init__(self, refusal: Refused, number: int, steps: Sequence[VerifiedStep]) -> None:
        super().__init__(refusal.rule, refusal.message, help=refusal.help)
        self.number = number
        self.title = TITLES[number]
        self.steps = tuple(steps)
