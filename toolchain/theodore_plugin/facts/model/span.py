"""Where something is, and the base of everything that has a place."""

from __future__ import annotations

import msgspec

from theodore_plugin.finding import Location


class Fact(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An immutable value of the model, written to disk as an array behind the tag of its class.

    Facts form trees, never cycles, so the garbage collector need not look at them. Tags are those of the stored form.
    """


class Span(msgspec.Struct, frozen=True, gc=False, array_like=True, order=True):
    """Where a node is: lines from 1, columns from 0 in characters, end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def at(self, path: str) -> Location:
        """Turn into a location in ``path`` (columns then count from 1)."""
        return Location(path, self.line, self.column + 1, self.end_line, self.end_column + 1)
