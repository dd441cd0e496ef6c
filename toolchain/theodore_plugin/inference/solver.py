"""The solver: an inclusion-based, field-based, flow-insensitive fixed point over the plugin's own code.

Every variable holds a set of abstract values that only grows. A unit (module body, function, lambda) is
evaluated again when a variable it read has grown; when nothing grows any more, one last evaluation of
every unit records calls, references and edges. The order of work is fixed, so the answer does not
depend on hash seeds. Sets are bounded: beyond the bound strings become a hole, which says "unknown".
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names
from theodore_plugin.finding import Location
from theodore_plugin.inference.capabilities import CapabilityMap
from theodore_plugin.inference.scopes import Scope, Unit, bound_names
from theodore_plugin.inference.values import HOLE, NOTHING, Foreign, OwnModule, Text, Value, Values, texts

MAX_VALUES = 32
"""Values one variable may hold before its strings are widened to a hole."""
HARD_LIMIT = 48
"""Values of any kind; what a variable holds beyond is not followed and reported as unknown."""
MAX_ROUNDS_PER_UNIT = 100
"""Far above what any real module needs; a unit that still grows is reported as unknown."""

COMPUTED = "builtins.<computed attribute>"
"""The capability map's name for an attribute that is chosen at run time."""

Variable = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """A class of the plugin as the solver sees it."""

    key: str
    name: str
    node: m.Class
    module: m.ModuleFacts
    unit: str
    """The unit whose execution defines it."""


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call of foreign things, as the last evaluation saw it."""

    unit: str
    node: m.Call
    module: m.ModuleFacts
    callees: tuple[str, ...]
    arguments: tuple[Values, ...]
    receiver: tuple[str, ...]
    """Strings the object of a method call may stand for."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign name with an effect that is used without being called."""

    unit: str
    symbol: str
    location: Location
    item: tuple[str, ...] = ()
    """Strings of the subscript, for ``os.environ["X"]``."""


@dataclass
class Record:
    """What the last evaluation saw."""

    calls: list[SeenCall] = field(default_factory=list)
    references: dict[tuple[str, str, Location], Reference] = field(default_factory=dict)
    edges: dict[str, dict[str, Location]] = field(default_factory=dict)
    """Caller unit to callee unit to the first call site."""
    calls_seen: int = 0
    calls_resolved: int = 0


class Solver:
    """Holds the variables and the work list; ``run`` reaches the fixed point."""

    def __init__(self, names: Names, capabilities: CapabilityMap) -> None:
        self.names = names
        self.map = capabilities
        self.units: dict[str, Unit] = {}
        self.classes: dict[str, ClassInfo] = {}
        self.unfinished: list[str] = []
        self.widened: dict[Variable, None] = {}
        """Variables that hold more than is followed."""
        self._variables: dict[Variable, Values] = {}
        self._readers: dict[Variable, dict[str, None]] = {}
        self._queue: dict[str, None] = {}
        self._rounds: dict[str, int] = {}
        self._scopes: dict[int, Scope] = {}
        self.record: Record | None = None

    def run(self) -> Record:
        """Evaluate until nothing grows, then record."""
        for facts in sorted(self.names.modules.values(), key=lambda facts: facts.path):
            self._add_module(facts)
        self._settle()
        self.seed()
        self._settle()
        self.record = Record()
        for name in sorted(self.units):
            self._evaluate(self.units[name])
        return self.record

    def _settle(self) -> None:
        while self._queue:
            name = next(iter(self._queue))
            del self._queue[name]
            self._rounds[name] = self._rounds.get(name, 0) + 1
            if self._rounds[name] > MAX_ROUNDS_PER_UNIT:
                self.unfinished.append(name)
            else:
                self._evaluate(self.units[name])

    def seed(self) -> None:
        """Write what is known from outside; called once everything has been defined."""

    def _add_module(self, facts: m.ModuleFacts) -> None:
        key = facts.module or facts.path
        bound, _ = bound_names(facts.body)
        scope = Scope(key, facts, None, bound)
        self.add_unit(Unit(key, scope, facts.body, m.Span(1, 0, 1, 0), kind="module"))

    def add_unit(self, unit: Unit) -> Unit:
        """Register a unit once and queue its evaluation."""
        known = self.units.get(unit.name)
        if known is not None:
            return known
        self.units[unit.name] = unit
        self._queue[unit.name] = None
        return unit

    def _evaluate(self, unit: Unit) -> None:
        from theodore_plugin.inference.statements import execute

        frame = Frame(self, unit, unit.scope)
        if unit.returned is not None:
            self.write(("return", unit.name), frame.evaluate(unit.returned))
        execute(frame, unit.body)

    def read(self, variable: Variable, unit: str) -> Values:
        """Read a variable; ``unit`` is evaluated again when it grows."""
        self._readers.setdefault(variable, {})[unit] = None
        return self._variables.get(variable, NOTHING)

    def write(self, variable: Variable, values: Values) -> None:
        """Add values to a variable and queue its readers if it grew."""
        known = self._variables.get(variable, NOTHING)
        if values <= known:
            return
        grown = known | values
        if len(grown) > MAX_VALUES:
            grown = frozenset(value for value in grown if not isinstance(value, Text)) | {Text(HOLE)}
            if grown <= known:
                return
        if len(grown) > HARD_LIMIT:
            self.widened.setdefault(variable)
            return
        self._variables[variable] = grown
        for reader in self._readers.get(variable, ()):
            self._queue[reader] = None

    def module_member(self, name: str, attribute: str, unit: str) -> Values:
        """Read ``module.attribute`` of one of the plugin's modules."""
        found = self.lookup_global(name, attribute, unit)
        child = f"{name}.{attribute}"
        if self.names.is_own(child):
            found |= {OwnModule(child)}
        return found

    def lookup_global(self, module: str, name: str, unit: str, hops: int = 0) -> Values:
        """Read a module-level name, looking through star imports."""
        found = self.read((module, name), unit)
        facts = self.names.modules.get(module)
        if found or facts is None or hops > 8:
            return found
        for node in self.names.stars(module):
            source = self.names.absolute(facts, node)
            if source in self.names.modules:
                found |= self.lookup_global(source, name, unit, hops + 1)
            elif not hasattr(builtins, name) or self.map.explicit(self.map.canonical(f"{source}.{name}")):
                found |= {Foreign(self.map.canonical(f"{source}.{name}"))}
        return found


@dataclass(frozen=True, slots=True)
class Frame:
    """One evaluation of one unit, in one scope of it."""

    solver: Solver
    unit: Unit
    scope: Scope

    def within(self, scope: Scope) -> Frame:
        """Return the same evaluation in an inner scope (class body, comprehension)."""
        return replace(self, scope=scope)

    def evaluate(self, expression: m.Expr, *, called: bool = False) -> Values:
        """Return the values of an expression; ``called`` says it is the callee of a call that records itself."""
        from theodore_plugin.inference.expressions import HANDLERS, evaluate_reference

        if isinstance(expression, (m.Name, m.Attribute)):
            return evaluate_reference(self, expression, called)
        handler: Callable[[Frame, Any], Values] = HANDLERS[type(expression)]
        return handler(self, expression)

    def read(self, variable: Variable) -> Values:
        """Read a variable on behalf of this unit."""
        return self.solver.read(variable, self.unit.name)

    def write(self, variable: Variable, values: Values) -> None:
        """Add values to a variable."""
        self.solver.write(variable, values)

    def strings(self, expression: m.Expr) -> tuple[str, ...]:
        """Return the string patterns an expression may hold."""
        return texts(self.evaluate(expression))

    @property
    def recording(self) -> Record | None:
        """The record of the last evaluation, ``None`` before it."""
        return self.solver.record

    @property
    def module(self) -> m.ModuleFacts:
        """The module this code is written in."""
        return self.scope.module

    def location(self, span: m.Span) -> Location:
        """Turn a span of this module into a location."""
        return span.at(self.module.path)

    def edge(self, callee: str, span: m.Span) -> None:
        """Note that this unit may run another."""
        if self.recording is not None and callee != self.unit.name:
            self.recording.edges.setdefault(self.unit.name, {}).setdefault(callee, self.location(span))

    def choose_at_run_time(self, base: Value, span: m.Span) -> None:
        """Note that an attribute of a capable module is chosen by a name that is not constant."""
        if isinstance(base, Foreign) and self.solver.map.is_capable(base.path):
            self.refer(COMPUTED, span)

    def let_go(self, values: Values, span: m.Span) -> None:
        """Note that a whole module leaves what is followed: which of its attributes are used cannot be said."""
        for value in values:
            if isinstance(value, Foreign) and self.solver.map.is_module(value.path.removesuffix(".__dict__")):
                self.refer(COMPUTED, span)

    def refer(self, symbol: str, span: m.Span, item: tuple[str, ...] = ()) -> None:
        """Note that a foreign name with an effect is held here."""
        if self.recording is None or not self.solver.map.explicit(symbol):
            return
        key = (self.unit.name, symbol, self.location(span))
        known = self.recording.references.get(key)
        merged = tuple(sorted({*item, *(known.item if known else ())}))
        self.recording.references[key] = Reference(self.unit.name, symbol, key[2], merged)
