"""A summary: what one distribution can do, in the terms of the capability map, with the evidence.

It is what a person would write into the map about a library, written by the analyser: effects of names, what
calls give, where names lead. It is bound to the bytes it was made from, and kept in a cache.
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


class SummaryEffect(msgspec.Struct, frozen=True, array_like=True):
    """What using one name of a distribution does."""

    permission: str
    access: str
    target: str | None
    acts: bool
    through: str | None
    """The distribution whose code or interface acts, ``None`` for the summarised one itself."""
    steps: tuple[SummaryStep, ...]
    """From the name down to the act, shortest way."""

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What makes two effects the same."""
        return (self.permission, self.access, self.target)


class Summary(msgspec.Struct, frozen=True):
    """One distribution. Names are import paths; ``Cls()`` is an object of a class."""

    distribution: str
    version: str
    roots: tuple[str, ...]
    effects: dict[str, tuple[SummaryEffect, ...]]
    """By name; a name that is not listed does nothing that could be seen."""
    leads: dict[str, tuple[str, ...]]
    """What else a name stands for: re-exports, attributes of objects, inherited methods."""
    returns: dict[str, tuple[str, ...]]
    """What calling a name gives, where that leads anywhere."""
    imported: dict[str, tuple[SummaryEffect, ...]]
    """What importing a module does."""
    methods: dict[str, tuple[SummaryEffect, ...]]
    """By the bare name of a method, whosever it is: what an object of an unknown class of this library may do."""
    gaps: tuple[tuple[str, str], ...]
    """Files that were not analysed, and why."""
    unresolved: int
    """Calls that resolved to nothing, out of ``calls``."""
    calls: int
    lines: int
