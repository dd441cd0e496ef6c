"""``case`` patterns of a libcst tree: what they bind and what they evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Place
from theodore_plugin.facts.concrete.expressions import Expressions, UnknownSyntax
from theodore_plugin.facts.decoding import identifier


class Pattern:
    """Reads one case's pattern; ``captures`` and ``evaluated`` grow in source order."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.cursor = expressions.cursor
        self.captures: list[m.Name] = []
        self.evaluated: list[m.Expr] = []

    def read(self, node: Any) -> Place:
        """Read one pattern, its parentheses included; return where it starts, parentheses around it left out."""
        start = self.cursor.start()
        if isinstance(node, cst.MatchValue):  # its parentheses are those of its expression
            return self._value(node)
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise UnknownSyntax(node, start[0])
        parentheses = len(getattr(node, "lpar", ()))
        inner = self._open(parentheses, start, owned=isinstance(node, cst.MatchTuple))
        handler(self, node, inner)
        for _ in range(parentheses):
            self.cursor.take(")")
        return inner

    def _open(self, parentheses: int, start: Place, *, owned: bool) -> Place:
        """Move over opening parentheses; return where the pattern starts, which may own the innermost."""
        for remaining in range(parentheses, 0, -1):
            if owned and remaining == 1:
                start = self.cursor.start()
            self.cursor.take("(")
        return self.cursor.start() if parentheses and not owned else start

    def _capture(self, name: cst.Name | None, start: Place) -> None:
        """Move over the name that ends a pattern; what it binds has the place of the pattern."""
        self.cursor.take("_" if name is None else name.value)
        if name is not None:
            self.captures.append(m.Name(identifier(name.value), self.cursor.span(start)))

    def _value(self, node: cst.MatchValue) -> Place:
        value = self.expressions.lower(node.value)
        self.evaluated.append(value)
        return value.span.line, value.span.column

    def _singleton(self, node: cst.MatchSingleton, _start: Place) -> None:
        self.cursor.take(node.value.value)

    def _sequence(self, node: cst.MatchList | cst.MatchTuple, _start: Place) -> None:
        bracketed = isinstance(node, cst.MatchList) and node.lbracket is not None
        if bracketed:
            self.cursor.take("[")
        for element in node.patterns:
            if isinstance(element, cst.MatchStar):
                self._star(element, self.cursor.start())
            else:
                self.read(element.value)
            self.expressions.comma(element)
        if bracketed:
            self.cursor.take("]")

    def _star(self, node: cst.MatchStar, start: Place) -> None:
        self.cursor.take("*")
        self._capture(node.name, start)

    def _mapping(self, node: cst.MatchMapping, start: Place) -> None:
        self.cursor.take("{")
        for element in node.elements:
            self.evaluated.append(self.expressions.lower(element.key))
            self.cursor.take(":")
            self.read(element.pattern)
            self.expressions.comma(element)
        if node.rest is not None:
            self.cursor.take("**")
            self.cursor.take(node.rest.value)
            if isinstance(node.trailing_comma, cst.Comma):
                self.cursor.take(",")
        self.cursor.take("}")
        if node.rest is not None:
            self.captures.append(m.Name(identifier(node.rest.value), self.cursor.span(start)))

    def _class(self, node: cst.MatchClass, _start: Place) -> None:
        self.evaluated.append(self.expressions.lower(node.cls))
        self.cursor.take("(")
        for element in node.patterns:
            self.read(element.value)
            self.expressions.comma(element)
        for keyword in node.kwds:
            self.cursor.take(keyword.key.value)
            self.cursor.take("=")
            self.read(keyword.pattern)
            self.expressions.comma(keyword)
        self.cursor.take(")")

    def _as(self, node: cst.MatchAs, start: Place) -> None:
        if node.pattern is not None:
            self.read(node.pattern)
            self.cursor.take("as")
        self._capture(node.name, start)

    def _or(self, node: cst.MatchOr, _start: Place) -> None:
        for element in node.patterns:
            self.read(element.pattern)
            if isinstance(element.separator, cst.BitOr):
                self.cursor.take("|")


_HANDLERS: dict[type, Callable[[Pattern, Any, Place], None]] = {
    cst.MatchSingleton: Pattern._singleton,
    cst.MatchList: Pattern._sequence,
    cst.MatchTuple: Pattern._sequence,
    cst.MatchMapping: Pattern._mapping,
    cst.MatchClass: Pattern._class,
    cst.MatchAs: Pattern._as,
    cst.MatchOr: Pattern._or,
}
