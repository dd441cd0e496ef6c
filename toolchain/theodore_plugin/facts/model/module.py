"""One module's facts as a whole, or why there are none."""

from __future__ import annotations

from theodore_plugin.facts.model.span import Fact
from theodore_plugin.facts.model.statements import Block
from theodore_plugin.finding import Location


class Suppression(Fact, frozen=True):
    """``# theodore: ignore[rule, …] reason="…" until=DATE`` as written; the engine decides whether it counts."""

    location: Location
    rules: tuple[str, ...]
    """Empty for a blanket ``ignore`` without a rule."""
    reason: str | None
    until: str | None
    line: int
    """The line it speaks about: its own, or the next one when the comment stands alone."""


class Blanket(Fact, frozen=True):
    """A comment that silences some other tool wholesale: ``# nosec``, ``# noqa``, ``# type: ignore``."""

    location: Location
    text: str


class ModuleFacts(Fact, frozen=True):
    """One analysed file."""

    path: str
    module: str | None
    is_package: bool
    digest: str
    body: Block
    suppressions: tuple[Suppression, ...]
    blankets: tuple[Blanket, ...]
    lines: int


class FactsFailure(Fact, frozen=True):
    """Why a file could not be analysed; becomes ``file-not-analysed``, never silence."""

    path: str
    reason: str
    line: int = 1
    column: int = 1
