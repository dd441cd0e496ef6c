"""Every piece of syntax that rules ask about, found in one walk, with the definitions around it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeGuard, TypeVar

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, module_level
from theodore_plugin.finding import Location
from theodore_plugin.inference.scopes import bound_names, runs_as_script

Surrounding = m.Function | m.Class | m.Lambda | m.If
"""What decides when a node runs: definitions, and the block of a module that is run as a script."""
N = TypeVar("N")

INDEXED = frozenset(
    {
        m.Assign,
        m.Delete,
        m.Call,
        m.Constant,
        m.FormattedString,
        m.Function,
        m.Class,
        m.If,
        m.ExprStatement,
        m.Mapping,
        m.Raise,
    }
)
"""Kinds of nodes that are kept; everything else would cost memory for nobody."""


class Site(NamedTuple):
    """One node in its place."""

    facts: m.ModuleFacts
    node: m.Node
    around: tuple[Surrounding, ...]
    """Enclosing definitions and script block, outermost first."""

    @property
    def location(self) -> Location:
        """Where the node is."""
        return self.node.span.at(self.facts.path)

    def encloses(self, span: m.Span) -> bool:
        """Whether ``span`` lies in the innermost function around this node."""
        functions = [item for item in self.around if isinstance(item, m.Function)]
        return bool(functions) and functions[-1].span.line <= span.line <= functions[-1].span.end_line

    @property
    def at_import(self) -> bool:
        """Whether the node runs while its module is imported: in no function, maybe in a class body."""
        return all(isinstance(item, m.Class) for item in self.around)


class Sites:
    """The index over a project's facts. Build it once per project."""

    def __init__(self, names: Names, facts: Mapping[str, m.ModuleFacts]) -> None:
        self._names = names
        self._found: dict[type, list[tuple[Site, m.Node]]] = {kind: [] for kind in INDEXED}
        self._local: dict[int, Mapping[str, str | None]] = {}
        for module in facts.values():
            for site in walk(module):
                if type(site.node) in self._found:
                    self._found[type(site.node)].append((site, site.node))

    def of(self, kind: type[N]) -> Iterator[tuple[Site, N]]:
        """Iterate over nodes of one kind in source order."""
        return iter(self._found[kind])  # type: ignore[arg-type]  # filed under their own type

    def path(self, site: Site, expression: m.Expr) -> str | None:
        """Return the foreign dotted path an expression stands for, imports inside functions included.

        A name that nothing binds is one of the builtins, or nothing.
        """
        text = m.dotted(expression)
        if text is None:
            return None
        root, _, rest = text.partition(".")
        for definition in reversed(site.around):
            if isinstance(definition, m.Function):
                local = self._bindings(site.facts, definition)
                if root in local:
                    target = local[root]
                    return ".".join(part for part in (target, rest) if part) if target else None
        if self._names.resolve(site.facts, root) is None:
            return f"builtins.{text}" if root in vars(builtins) and not _is_attribute(site, root) else None
        return self._names.path(site.facts, expression)

    def _bindings(self, facts: m.ModuleFacts, function: m.Function) -> Mapping[str, str | None]:
        """Names a function binds itself: to what it imports, or to something not followed here (``None``)."""
        known = self._local.get(id(function))
        if known is None:
            known = self._local[id(function)] = dict(self._bound(facts, function))
        return known

    def _bound(self, facts: m.ModuleFacts, function: m.Function) -> Iterator[tuple[str, str | None]]:
        for name in bound_names(function.body, function.parameters)[0]:
            yield name, None
        for statement in module_level(function.body):
            if isinstance(statement, m.Import):
                yield statement.name, statement.target if statement.aliased else statement.name
            elif isinstance(statement, m.ImportFrom):
                yield statement.name, f"{self._names.absolute(facts, statement)}.{statement.attribute}"


def walk(facts: m.ModuleFacts) -> Iterator[Site]:
    """Iterate over every node of a module in source order, without recursion."""
    pending: list[tuple[m.Node, tuple[Surrounding, ...]]] = [(node, ()) for node in reversed(facts.body)]
    while pending:
        node, around = pending.pop()
        yield Site(facts, node, around)
        inner = (*around, node) if _surrounds(node) else around
        pending.extend((child, inner) for child in reversed(list(m.children(node))))


def _surrounds(node: m.Node) -> TypeGuard[Surrounding]:
    return isinstance(node, (m.Function, m.Class, m.Lambda)) or (isinstance(node, m.If) and runs_as_script(node.test))


def _is_attribute(site: Site, name: str) -> bool:
    """Whether a name is bound by the class body the node stands in."""
    body = site.around[-1].body if site.around and isinstance(site.around[-1], m.Class) else ()
    return name in bound_names(body)[0]
