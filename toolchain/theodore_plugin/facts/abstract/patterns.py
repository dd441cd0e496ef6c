"""``case`` patterns of an ``ast`` tree: what they bind and what they evaluate."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.abstract.expressions import Expressions, UnknownSyntax, span


class Pattern:
    """Reads one case's pattern; ``captures`` and ``evaluated`` grow in source order."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.captures: list[m.Name] = []
        self.evaluated: list[m.Expr] = []

    def read(self, node: Any) -> None:
        """Read one pattern."""
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise UnknownSyntax(node)
        handler(self, node)

    def _capture(self, node: Any, name: str | None) -> None:
        """Note a binding; it has the place of its pattern."""
        if name is not None:
            self.captures.append(m.Name(name, span(node)))

    def _value(self, node: Any) -> None:
        self.evaluated.append(self.expressions.lower(node.value))

    def _singleton(self, _node: Any) -> None:
        """``None``, ``True`` and ``False`` bind and evaluate nothing."""

    def _several(self, node: Any) -> None:
        for pattern in node.patterns:
            self.read(pattern)

    def _star(self, node: Any) -> None:
        self._capture(node, node.name)

    def _mapping(self, node: Any) -> None:
        for key, pattern in zip(node.keys, node.patterns, strict=True):
            self.evaluated.append(self.expressions.lower(key))
            self.read(pattern)
        self._capture(node, node.rest)

    def _class(self, node: Any) -> None:
        self.evaluated.append(self.expressions.lower(node.cls))
        for pattern in [*node.patterns, *node.kwd_patterns]:
            self.read(pattern)

    def _as(self, node: Any) -> None:
        if node.pattern is not None:
            self.read(node.pattern)
        self._capture(node, node.name)


_HANDLERS: dict[type, Callable[[Pattern, Any], None]] = {
    ast.MatchValue: Pattern._value,
    ast.MatchSingleton: Pattern._singleton,
    ast.MatchSequence: Pattern._several,
    ast.MatchStar: Pattern._star,
    ast.MatchMapping: Pattern._mapping,
    ast.MatchClass: Pattern._class,
    ast.MatchAs: Pattern._as,
    ast.MatchOr: Pattern._several,
}
