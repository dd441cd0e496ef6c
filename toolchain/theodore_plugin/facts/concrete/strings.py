"""String tokens of a libcst tree: adjacent ones are one value, f-strings and t-strings text and expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Cursor, Place
from theodore_plugin.facts.literals import formatted, joined, string_value, text_value

Lower = Callable[[Any], m.Expr]
Piece = str | bytes | m.Expr


class Strings:
    """Lowers strings; ``lower`` is what lowers the expressions inside them."""

    def __init__(self, cursor: Cursor, lower: Lower) -> None:
        self.cursor = cursor
        self.lower = lower

    def string(self, node: Any, start: Place) -> m.Expr:
        """Lower one string, or adjacent ones."""
        pieces: list[Piece] = []
        has_fields = False
        for part in _adjacent(node):
            if isinstance(part, cst.SimpleString):
                self.cursor.take(part.value)
                pieces.append(string_value(part.value))
            else:
                has_fields = True
                pieces.extend(self._formatted(part))
        return joined(pieces, self.cursor.span(start), formatted=has_fields)

    def _formatted(self, node: Any) -> Iterator[Piece]:
        take = self.cursor.take
        raw = "r" in node.start.lower()
        take(node.start)
        for part in node.parts:
            if hasattr(part, "expression"):
                yield from self._field(part)
            else:
                take(part.value)
                yield text_value(part.value.replace("{{", "{").replace("}}", "}"), raw=raw)
        take(node.end)

    def _field(self, node: Any) -> Iterator[Piece]:
        """Lower ``{expression=!conversion:specification}``; with ``=`` its text comes first."""
        cursor = self.cursor
        cursor.take("{")
        opened = cursor.offset
        expression = self.lower(node.expression)
        if node.equal is not None:
            cursor.take("=")
            cursor.start()
            yield cursor.text[opened : cursor.offset]
        if node.conversion is not None:
            cursor.take("!")
            cursor.take(node.conversion)
        spec = None if node.format_spec is None else self._specification(node.format_spec)
        cursor.take("}")
        shown = node.equal is not None and spec is None
        yield formatted(expression, shown or node.conversion is not None, spec)

    def _specification(self, parts: Any) -> tuple[m.Expr, ...] | None:
        """Lower a format specification to its expressions; an empty one is none."""
        self.cursor.take(":")
        found: list[m.Expr] = []
        for part in parts:
            if hasattr(part, "expression"):
                found.extend(piece for piece in self._field(part) if not isinstance(piece, (str, bytes)))
            else:
                self.cursor.take(part.value)
        return tuple(found) if parts else None


def _adjacent(node: Any) -> Iterator[Any]:
    while isinstance(node, cst.ConcatenatedString):
        yield node.left
        node = node.right
    yield node
