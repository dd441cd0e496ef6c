"""The solver: an inclusion-based, field-based, flow-insensitive fixed point over a set of modules.

Every variable holds a set of abstract values that only grows. The unit of work is a statement in its scope:
it is evaluated again when a variable that it read has grown. Calls, references and edges are recorded as
statements are evaluated; since sets only grow, what the last evaluation saw holds what every earlier one saw.
The order of work is fixed, so the answer does not depend on hash seeds. Sets are bounded: beyond the bound
strings become a hole, and what is not followed is reported as unknown.

The solver knows no syntax; how statements and expressions are evaluated is passed in as :class:`Semantics`.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names
from theodore_plugin.inference.escapes import conclude
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.record import Record
from theodore_plugin.inference.scopes import Scope, Unit, bound_names
from theodore_plugin.inference.values import (
    HOLE,
    NOTHING,
    PLAIN,
    Container,
    Foreign,
    OwnModule,
    Text,
    Value,
    Values,
)

MAX_ROUNDS = 100
"""Evaluations of one statement, far above what any real module needs; one that still grows is reported as unknown."""

_HOLES = frozenset({Text(HOLE)})
_PLAINS = frozenset({PLAIN})
Variable = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """A class of the analysed code as the solver sees it."""

    key: str
    name: str
    node: m.Class
    module: m.ModuleFacts
    unit: str
    """The unit whose execution defines it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one variable may hold."""

    strings: int
    """Values beyond which strings become a hole and what leads nowhere one plain object."""
    values: int
    """Values of any kind; what a variable holds beyond is not followed and reported as unknown."""


OWN_CODE = Bounds(32, 48)
DEPENDENCY = Bounds(16, 24)
"""Half as much makes large class hierarchies twice as fast; what is lost there is said of the dependency."""


@dataclass(frozen=True, slots=True)
class Semantics:
    """How code is evaluated: expressions to values, statements for their effect."""

    evaluate: Callable[[Frame, m.Expr, bool], Values]
    perform: Callable[[Frame, m.Statement], None]
    schedule: Callable[[Frame, m.Block], None]


class Task:
    """One statement in its scope."""

    __slots__ = ("frame", "queued", "rounds", "statement")

    def __init__(self, frame: Frame, statement: m.Statement) -> None:
        self.frame = frame
        self.statement = statement
        self.queued = False
        self.rounds = 0


class Solver:
    """Holds the variables and the work list; ``run`` reaches the fixed point."""

    def __init__(self, names: Names, knowledge: Knowledge, semantics: Semantics, bounds: Bounds = OWN_CODE) -> None:
        self.names = names
        self.map = knowledge
        self.semantics = semantics
        self.bounds = bounds
        self.units: dict[str, Unit] = {}
        self.classes: dict[str, ClassInfo] = {}
        self.attributes: dict[str, dict[str, None]] = {}
        """Names of the attributes that each class and its objects were given."""
        self.descendants: dict[str, dict[str, None]] = {}
        """Classes below each class, itself included."""
        self.lineages: dict[str, tuple[list[str], list[str]]] = {}
        """Resolution orders, for :func:`theodore_plugin.inference.classes.lineage`."""
        self.partials: dict[str, tuple[str | None, ...]] = {}
        """Keywords of the arguments that each ``functools.partial`` holds."""
        self.record = Record()
        self.unfinished: dict[str, None] = {}
        """Units with a statement that was given up."""
        self.widened: dict[Variable, set[Value]] = {}
        """Variables that hold more than is followed, and what was dropped."""
        self.home: frozenset[str] = frozenset()
        """Roots of the modules that the host calls; other roots may be named like what the plugin depends on."""
        self.sure_names: dict[str, dict[str, int]] = {}
        """Names that a module or class surely binds, by the key of its scope."""
        self._variables: dict[Variable, Values] = {}
        self._readers: dict[Variable, dict[Task, None]] = {}
        self._queue: deque[Task] = deque()
        self._current: Task | None = None
        self._postponed: dict[Task, None] = {}
        self._is_late = False
        self._vague: set[Variable] = set()
        self._is_module: dict[str, bool] = {}
        self._leads_on: dict[str, bool] = {}
        self._has_effect: dict[str, bool] = {}
        self._is_noteworthy: dict[str, bool] = {}
        self.foreign_attributes: dict[tuple[str, str], tuple[Values, bool]] = {}
        """What reading an attribute of a foreign value gives, and whether doing so uses the value itself."""

    def run(self) -> Record:
        """Evaluate until nothing grows."""
        for facts in sorted(self.names.modules.values(), key=lambda facts: facts.path):
            self._add_module(facts)
        self._settle()
        self.seed()
        self._settle()
        self._is_late = True
        self._enqueue(self._postponed)
        self._settle()
        conclude(self)
        return self.record

    def is_early(self) -> bool:
        """Whether something *missing* may still come; if so, the statement is evaluated again when all has come."""
        if not self._is_late and self._current is not None:
            self._postponed[self._current] = None
        return not self._is_late

    def seed(self) -> None:
        """Write what is known from outside; called once everything has been defined."""

    def _settle(self) -> None:
        queue, perform = self._queue, self.semantics.perform
        while queue:
            task = queue.popleft()
            task.queued = False
            task.rounds += 1
            if task.rounds > MAX_ROUNDS:
                self.unfinished.setdefault(task.frame.unit.name)
                continue
            self._current = task
            perform(task.frame, task.statement)
        self._current = None

    def _add_module(self, facts: m.ModuleFacts) -> None:
        key = facts.module or facts.path
        bound, _ = bound_names(facts.body)
        self.add_unit(Unit(key, Scope(key, facts, None, bound), facts.body, m.Span(1, 0, 1, 0), kind="module"))

    def add_unit(self, unit: Unit) -> Unit:
        """Register a unit once and schedule its statements."""
        known = self.units.get(unit.name)
        if known is not None:
            return known
        self.units[unit.name] = unit
        self.semantics.schedule(Frame(self, unit, unit.scope), unit.body)
        return unit

    def add(self, frame: Frame, statement: m.Statement) -> None:
        """Queue a statement for its first evaluation."""
        task = Task(frame, statement)
        task.queued = True
        self._queue.append(task)

    def read(self, variable: Variable) -> Values:
        """Read a variable; the statement being evaluated is evaluated again when it grows."""
        task = self._current
        if task is not None:
            readers = self._readers.get(variable)
            if readers is None:
                self._readers[variable] = {task: None}
            else:
                readers[task] = None
        return self._variables.get(variable, NOTHING)

    def write(self, variable: Variable, values: Values) -> None:
        """Add values to a variable and queue its readers if it grew."""
        known = self._variables.get(variable, NOTHING)
        if values <= known:
            return
        dropped = self.widened.get(variable)
        if dropped is not None:
            dropped.update(values)
            return
        grown = known | values
        if len(grown) > self.bounds.strings:
            grown = self._thinned(grown)
            if grown <= known:
                return
        if len(grown) > self.bounds.values:
            self.widened[variable] = set(values)
            return
        self._variables[variable] = grown
        self._enqueue(self._readers.get(variable, ()))

    def write_name(self, variable: Variable, values: Values) -> None:
        """Add values to a variable that may be used as a name; what is no string makes it any string."""
        self.write(variable, values)
        if variable not in self._vague and not any(type(value) is Text for value in values):
            self._vague.add(variable)
            self.write(("vague", *variable), _PLAINS)

    def only_data(self, values: Iterable[Value], depth: int = 4) -> bool:
        """Whether values are but strings, plain objects, and containers of such: a large table says nothing."""
        return all(
            type(value) is Text
            or (type(value) is Foreign and not self.leads_on(value.key))
            or (type(value) is Container and depth > 0 and self.only_data(self._held(value.key), depth - 1))
            for value in values
        )

    def _held(self, place: str) -> Iterable[Value]:
        """Return what a container holds, what is not followed too."""
        variable = ("all", place)
        return (*self._variables.get(variable, ()), *self.widened.get(variable, ()))

    def _thinned(self, values: Values) -> Values:
        """Put one hole for all strings, and one plain object for all foreign results that lead nowhere."""
        strings: Values = NOTHING
        plain: Values = NOTHING
        kept = []
        for value in values:
            kind = type(value)
            if kind is Text:
                strings = _HOLES
            elif kind is Foreign and not self.leads_on(value.key):
                plain = _PLAINS
            else:
                kept.append(value)
        return frozenset(kept) | strings | plain

    def leads_on(self, path: str) -> bool:
        """Whether the map says what can be done with a foreign value.

        It does not for results of harmless functions, nor for libraries it does not know, which are unknown as a whole.
        """
        known = self._leads_on.get(path)
        if known is None:
            known = self.map.leads_on(path) or bool(self.map.of_call(path)) or self.is_module(path)
            self._leads_on[path] = known
        return known

    def _enqueue(self, tasks: Iterable[Task]) -> None:
        queue = self._queue
        for task in tasks:
            if not task.queued:
                task.queued = True
                queue.append(task)

    def has_effect(self, symbol: str) -> bool:
        """Whether a foreign name has an effect of its own."""
        known = self._has_effect.get(symbol)
        if known is None:
            known = self._has_effect[symbol] = bool(self.map.explicit(symbol))
        return known

    def is_noteworthy(self, path: str) -> bool:
        """Whether holding a foreign value says anything: a module, ``getattr``, or something with an effect."""
        known = self._is_noteworthy.get(path)
        if known is None:
            known = self.is_module(path) or self.has_effect(path) or path == "builtins.getattr"
            self._is_noteworthy[path] = known
        return known

    def is_module(self, path: str) -> bool:
        """Whether a foreign path is a whole module, or the namespace of one."""
        known = self._is_module.get(path)
        if known is None:
            known = self._is_module[path] = path == "sys.modules" or self.map.is_module(path.removesuffix(".__dict__"))
        return known

    def module_member(self, name: str, attribute: str) -> Values:
        """Read ``module.attribute`` of one of the analysed modules."""
        found = self.lookup_global(name, attribute)
        child = f"{name}.{attribute}"
        if self.names.is_own(child):
            found |= {OwnModule(child)}
        return found

    def lookup_global(self, module: str, name: str, seen: frozenset[str] = frozenset()) -> Values:
        """Read a module-level name, looking through star imports."""
        found = self.read((module, name))
        facts = self.names.modules.get(module)
        if found or facts is None or module in seen:
            return found
        for node in self.names.stars(module):
            source = self.names.absolute(facts, node)
            if source in self.names.modules:
                found |= self.lookup_global(source, name, seen | {module})
            elif not hasattr(builtins, name) or self.map.explicit(self.map.canonical(f"{source}.{name}")):
                found |= {Foreign(self.map.canonical(f"{source}.{name}"))}
        return found
