"""Which exceptions provably leave a function: raised by a plain statement, and caught by nothing around it.

Only what is certain counts. A handler whose types cannot be told catches everything, a ``with`` block may swallow
anything, a ``finally`` that returns does swallow it, and an exception of unknown class is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from theodore_plugin.contracts.bindings import truth
from theodore_plugin.contracts.lineage import Lineages
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass, OwnFunction, module_level
from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.scopes import bound_names
from theodore_plugin.metadata.plugin_class import find_method

MAX_DEPTH = 4
"""Calls of the plugin's own functions followed."""


@dataclass(frozen=True, slots=True)
class Escape:
    """One exception that leaves: the names of its class and everything that derives from, and how it gets out."""

    name: str
    lineage: frozenset[str]
    location: Location
    chain: tuple[Step, ...]
    """Calls on the way, outermost first."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The function being read, and the class its ``self`` belongs to."""

    function: m.Function
    module: m.ModuleFacts
    owner: OwnClass | None
    local: frozenset[str]
    chain: tuple[Step, ...]


class Escapes:
    """Reads functions of one project."""

    def __init__(self, names: Names, lineages: Lineages) -> None:
        self.names = names
        self.lineages = lineages

    def of(self, function: m.Function, module: m.ModuleFacts, owner: OwnClass | None) -> Iterator[Escape]:
        """Iterate over the exceptions that provably leave ``function`` on some path."""
        yield from self._function(function, module, owner, ())

    def _function(
        self, function: m.Function, module: m.ModuleFacts, owner: OwnClass | None, chain: tuple[Step, ...]
    ) -> Iterator[Escape]:
        local = bound_names(function.body, function.parameters)[0]
        yield from self._block(function.body, _Place(function, module, owner, local, chain))

    def _block(self, body: m.Block, place: _Place) -> Iterator[Escape]:
        for statement in body:
            yield from self._statement(statement, place)
            if isinstance(statement, m.Return | m.Raise):
                return

    def _statement(self, statement: m.Statement, place: _Place) -> Iterator[Escape]:
        if isinstance(statement, m.Raise):
            yield from self._raised(statement, place)
        elif isinstance(statement, m.Try):
            yield from self._try(statement, place)
        elif isinstance(statement, m.If):
            known = truth(statement.test)
            yield from self._block(() if known is False else statement.body, place)
            yield from self._block(() if known is True else statement.orelse, place)
        elif isinstance(statement, m.For | m.While):
            yield from self._block(statement.body, place)
            yield from self._block(statement.orelse, place)
        elif isinstance(statement, m.Match):
            for case in statement.cases:
                yield from self._block(case.body, place)
        elif isinstance(statement, m.ExprStatement | m.Assign | m.Return) and statement.value is not None:
            yield from self._called(statement.value, place)

    def _raised(self, statement: m.Raise, place: _Place) -> Iterator[Escape]:
        value = statement.value.callee if isinstance(statement.value, m.Call) else statement.value
        root = (m.dotted(value) or "").partition(".")[0] if value is not None else ""
        if value is None or not root or root in place.local:
            return
        lineage = self.lineages.of(place.module, value)
        if lineage is not None:
            where = statement.span.at(place.module.path)
            yield Escape(m.dotted(value) or root, lineage, where, place.chain)

    def _try(self, statement: m.Try, place: _Place) -> Iterator[Escape]:
        if any(isinstance(item, m.Return) for item in module_level(statement.final)):
            return
        for escape in self._block(statement.body, place):
            if not any(self._may_catch(handler, escape, place) for handler in statement.handlers):
                yield escape
        for handler in statement.handlers:
            yield from self._block(handler.body, place)
        yield from self._block(statement.orelse, place)
        yield from self._block(statement.final, place)

    def _may_catch(self, handler: m.Handler, escape: Escape, place: _Place) -> bool:
        caught = handler.caught
        if caught is None:
            return True
        for item in caught.items if isinstance(caught, m.Sequence) else (caught,):
            lineage = self.lineages.of(place.module, item)
            name = m.dotted(item)
            if lineage is None or name is None or self.lineages.label(place.module, item) in escape.lineage:
                return True
        return False

    def _called(self, value: m.Expr, place: _Place) -> Iterator[Escape]:
        """Follow calls of the plugin's own plain functions, and awaited ones of its coroutines."""
        if len(place.chain) >= MAX_DEPTH:
            return
        awaited = isinstance(value, m.Await)
        call = value.value if isinstance(value, m.Await) else value
        found = self._callee(call, place) if isinstance(call, m.Call) else None
        if found is None:
            return
        function, module, owner = found
        if function.is_async is awaited and not function.is_generator and not function.decorators:
            step = Step(f"{function.name}()", call.span.at(place.module.path))
            if all(step.location != earlier.location for earlier in place.chain):
                yield from self._function(function, module, owner, (*place.chain, step))

    def _callee(self, call: m.Call, place: _Place) -> tuple[m.Function, m.ModuleFacts, OwnClass | None] | None:
        callee = call.callee
        if isinstance(callee, m.Attribute) and isinstance(callee.value, m.Name) and callee.value.id == "self":
            found = find_method(self.names, place.owner, callee.attr) if place.owner is not None else None
            return (found[1], found[0].module, place.owner) if found is not None else None
        if (m.dotted(callee) or "").partition(".")[0] in place.local:
            return None
        meaning = self.names.resolve_expression(place.module, callee)
        return (meaning.node, meaning.module, None) if isinstance(meaning, OwnFunction) else None
