"""Where code is evaluated, and how what it does there is noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location
from theodore_plugin.inference.record import COMPUTED, Reference
from theodore_plugin.inference.scopes import Scope, Unit
from theodore_plugin.inference.values import Foreign, Value, Values, texts

if TYPE_CHECKING:
    from theodore_plugin.inference.solver import Solver


class Frame:
    """Where code is evaluated: in a unit, in one scope of it."""

    __slots__ = ("handing", "module", "read", "scope", "solver", "unit", "write")

    def __init__(self, solver: Solver, unit: Unit, scope: Scope, *, handing: bool = False) -> None:
        self.solver = solver
        self.unit = unit
        self.scope = scope
        self.module = scope.module
        """The module this code is written in."""
        self.read = solver.read
        self.write = solver.write
        self.handing = handing
        """Whether what runs here is only handed to a library, which may never run it."""

    def handing_over(self) -> Frame:
        """Return the same place, for noting what a library that is given something may do with it."""
        return Frame(self.solver, self.unit, self.scope, handing=True)

    def within(self, scope: Scope) -> Frame:
        """Return the same unit in an inner scope (class body, comprehension)."""
        return Frame(self.solver, self.unit, scope)

    def evaluate(self, expression: m.Expr, *, called: bool = False) -> Values:
        """Return the values of an expression; ``called`` says it is the callee of a call that records itself."""
        return self.solver.semantics.evaluate(self, expression, called)

    def strings(self, expression: m.Expr) -> tuple[str, ...]:
        """Return the string patterns an expression may hold."""
        return texts(self.evaluate(expression))

    def location(self, span: m.Span) -> Location:
        """Turn a span of this module into a location."""
        return span.at(self.module.path)

    def edge(self, callee: str, span: m.Span) -> None:
        """Note that this unit may run another."""
        callees = self.solver.record.edges.setdefault(self.unit.name, {})
        known = callees.get(callee)
        if known is None or (span.line, span.column) < (known.line, known.column - 1):
            callees[callee] = self.location(span)
        if not self.handing:
            self.solver.record.called.add((self.unit.name, callee))

    def choose_at_run_time(self, base: Value, span: m.Span) -> None:
        """Note that an attribute of a capable module is chosen by a name that is not constant."""
        if type(base) is Foreign and self.solver.map.is_capable(base.key):
            self.refer(COMPUTED, span)

    def let_go(self, values: Values, span: m.Span) -> None:
        """Note that a whole module leaves what is followed: which of its attributes are used cannot be said."""
        for value in values:
            if type(value) is Foreign and self.solver.is_module(value.key):
                self.refer(COMPUTED, span)

    def refer(self, symbol: str, span: m.Span, item: tuple[str, ...] = ()) -> None:
        """Note that a foreign name with an effect is held here."""
        if not self.solver.has_effect(symbol):
            return
        references = self.solver.record.references
        key = (self.unit.name, symbol, self.location(span))
        known = references.get(key)
        if known is None:
            references[key] = Reference(self.unit.name, symbol, key[2], item)
        elif not set(item) <= set(known.item):
            references[key] = Reference(self.unit.name, symbol, key[2], tuple(sorted({*item, *known.item})))


Handler = Callable[[Frame, m.Call, list[Values]], Values | None]
"""Gives the result of a call of an understood function; ``None`` for the general treatment."""
