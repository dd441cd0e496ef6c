"""The shape of a fix file: named after the rule it mends, one function that says how, or raises NoFix."""

from __future__ import annotations

from typing import Protocol

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix


class Fixer(Protocol):
    """One module of this package."""

    RULE: str
    """The rule whose findings it mends."""
    SAFE: bool
    """Whether what it does is safe (see :class:`~theodore_plugin.fixes.model.Fix`) in general."""
    DOES: str
    """What it does, for the rule's page: one sentence."""

    def fix(self, finding: Finding, context: FixContext, /) -> Fix:
        """Mend one finding. Raises NoFix where that is not mechanical."""
