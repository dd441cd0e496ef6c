"""Scopes and units: which names a piece of code binds itself, and what runs as one piece.

A *unit* is code that runs together: a module body, a function body, a lambda, or the block behind
``if __name__ == "__main__"``. A *scope* says where a name used in a unit is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import module_level


@dataclass(frozen=True, slots=True)
class Scope:
    """A namespace. ``key`` starts the names of its variables; class scopes are skipped by inner functions."""

    key: str
    module: m.ModuleFacts
    parent: Scope | None
    bound: frozenset[str]
    class_key: str | None = None
    """Set for the body of a class: its names are attributes of that class."""
    redirects: frozenset[str] = frozenset()
    """Names declared ``global``."""

    def find(self, name: str) -> Scope | None:
        """Return the scope that binds ``name``, or ``None`` for a builtin or star-imported name."""
        scope: Scope | None = self
        if name in self.redirects:
            return self.outermost
        while scope is not None:
            if name in scope.bound and (scope.class_key is None or scope is self):
                return scope
            scope = scope.parent
        return None

    @property
    def outermost(self) -> Scope:
        """The module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope


@dataclass(frozen=True, slots=True)
class Unit:
    """Code that runs together. ``name`` is its qualified name, ``owner`` the class a method belongs to."""

    name: str
    scope: Scope
    body: m.Block
    span: m.Span
    parameters: tuple[m.Parameter, ...] = ()
    is_async: bool = False
    is_generator: bool = False
    owner: str | None = None
    kind: str = "function"
    """``module``, ``main``, ``function``, ``static``, ``class``, ``property``, ``setter`` or ``lambda``."""
    positional: tuple[str, ...] = ()
    """Parameters that take positional arguments, in order."""
    named: frozenset[str] = frozenset()
    """Parameters that take keyword arguments."""
    rest: str | None = None
    """The ``*`` parameter."""
    keywords: str | None = None
    """The ``**`` parameter."""

    def taking(self, parameters: tuple[m.Parameter, ...]) -> Unit:
        """Return the unit with its parameters."""
        kinds = {parameter.kind: parameter.name for parameter in parameters}
        return replace(
            self,
            parameters=parameters,
            positional=tuple(item.name for item in parameters if item.kind in {"positional-only", "positional"}),
            named=frozenset(item.name for item in parameters if item.kind in {"positional", "keyword"}),
            rest=kinds.get("*"),
            keywords=kinds.get("**"),
        )


def bound_names(body: m.Block, parameters: Iterable[m.Parameter] = ()) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names a block binds in its own scope, and those it declares ``global``."""
    bound = {parameter.name for parameter in parameters}
    outer: set[str] = set()
    for statement in module_level(body):
        if isinstance(statement, m.Scope):
            outer.update(statement.names)
        bound.update(_binds(statement))
    globals_ = {name for statement in module_level(body) for name in _declared(statement, "global")}
    return frozenset(bound - outer), frozenset(globals_)


def _declared(statement: m.Statement, kind: str) -> tuple[str, ...]:
    return statement.names if isinstance(statement, m.Scope) and statement.kind == kind else ()


def _binds(statement: m.Statement) -> Iterator[str]:
    if isinstance(statement, (m.Function, m.Class, m.Import)):
        yield statement.name
    elif isinstance(statement, m.ImportFrom):
        if statement.attribute != "*":
            yield statement.name
    elif isinstance(statement, m.Assign):
        yield from _targets(statement.targets)
    elif isinstance(statement, m.For):
        yield from _targets((statement.target,))
    elif isinstance(statement, m.With):
        yield from _targets(target for _, target in statement.items if target)
    elif isinstance(statement, m.Try):
        yield from (handler.name for handler in statement.handlers if handler.name)
    elif isinstance(statement, m.Match):
        yield from (capture.id for case in statement.cases for capture in case.captures)
    yield from _walrus(statement)


def _targets(targets: Iterable[m.Expr]) -> Iterator[str]:
    for target in targets:
        if isinstance(target, m.Name):
            yield target.id
        elif isinstance(target, m.Sequence):
            yield from _targets(target.items)
        elif isinstance(target, m.Starred):
            yield from _targets((target.value,))


def _walrus(statement: m.Statement) -> Iterator[str]:
    """Names bound by ``:=`` in the expressions of one statement, blocks and inner functions left out."""
    pending: list[m.Node] = [node for node in m.children(statement) if not _is_statement(node)]
    while pending:
        node = pending.pop()
        if isinstance(node, m.NamedExpr):
            yield from _targets((node.target,))
        if not isinstance(node, m.Lambda):
            pending.extend(child for child in m.children(node) if not _is_statement(child))


def _is_statement(node: m.Node) -> bool:
    return isinstance(node, (m.Statement, m.Handler, m.MatchCase)) and not isinstance(node, m.For)


def runs_as_script(test: m.Expr) -> bool:
    """Whether a condition is ``__name__ == "__main__"``, which is false when a module is imported."""
    if not (isinstance(test, m.Opaque) and test.kind == "Comparison"):
        return False
    found = list(m.walk(test))
    named = any(isinstance(node, m.Name) and node.id == "__name__" for node in found)
    return named and any(isinstance(node, m.Constant) and node.value == "__main__" for node in found)
