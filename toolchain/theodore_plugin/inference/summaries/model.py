"""A summary: what one distribution can do, in the terms of the capability map, with the evidence.

It is what a person would write into the map about a library, written by the analyser: effects of names, what
calls give, where names lead. It is bound to the bytes it was made from, and kept in a cache.

Names are import paths of definitions: ``pkg.mod.Cls.method`` whether it is reached through the class or an object.
``pkg.mod.Cls()`` is an object of a class, and only ever a result.
"""

from __future__ import annotations

import msgspec

from theodore_plugin.finding import Location, Step


class SummaryStep(msgspec.Struct, frozen=True, array_like=True):
    """One hop inside a dependency; ``path`` is relative to the folder imports start from."""

    label: str
    path: str
    line: int
    column: int

    @classmethod
    def of(cls, step: Step) -> SummaryStep:
        """Return the stored form."""
        return cls(step.label, step.location.path, step.location.line, step.location.column)

    def step(self) -> Step:
        """Return the step of an evidence chain."""
        return Step(self.label, Location(self.path, self.line, self.column))


class Reason(msgspec.Struct, frozen=True, array_like=True):
    """Why one function has an effect: it acts itself, or calls another that has it."""

    steps: tuple[SummaryStep, ...]
    """The call of the other function, or the act and how that comes about in a further distribution."""
    callee: str | None
    """The function that has the effect in turn, as a unit; ``None`` for one that acts itself."""


class SummaryEffect(msgspec.Struct, frozen=True):
    """One thing the distribution does, and every function it is done from."""

    permission: str
    access: str
    target: str | None
    acts: bool
    reasons: dict[str, Reason]
    """By unit."""

    def chain(self, unit: str) -> tuple[SummaryStep, ...]:
        """Return the shortest way from a function to the act."""
        steps: list[SummaryStep] = []
        current: str | None = unit
        while current is not None:
            reason = self.reasons[current]
            steps += reason.steps
            current = reason.callee
        return tuple(steps)


class SummaryClass(msgspec.Struct, frozen=True, array_like=True):
    """One class, as far as looking up attributes needs it."""

    above: tuple[str, ...]
    """Where attributes are looked for after the class itself: classes here, then those of other distributions."""
    members: tuple[str, ...]
    """Attributes it defines or gives its objects."""


class Summary(msgspec.Struct, frozen=True):
    """One distribution."""

    distribution: str
    version: str
    roots: tuple[str, ...]
    """Import names it owns."""
    needs: tuple[str, ...]
    """Foreign modules it imports that were followed."""
    effects: tuple[SummaryEffect, ...]
    names: dict[str, tuple[str, ...]]
    """Units behind a name that has effects: a function is one, a class stands for its initialisers."""
    leads: dict[str, tuple[str, ...]]
    """What else a module-level name or an attribute stands for: re-exports, objects that are kept."""
    returns: dict[str, tuple[str, ...]]
    """What calling a name gives, where that leads anywhere."""
    classes: dict[str, SummaryClass]
    imports: dict[str, tuple[str, ...]]
    """Modules whose bodies run when a module is imported, for those whose import has effects."""
    gaps: tuple[tuple[str, str], ...]
    """Files that were not analysed, and why."""
    unresolved: int
    """Calls that resolved to nothing, out of ``calls``."""
    calls: int
    lines: int
