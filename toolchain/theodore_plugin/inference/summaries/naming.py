"""Under which import paths the parts of a solved distribution are found from outside."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.inference.classes import lineage
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.scopes import Unit
from theodore_plugin.inference.solver import Solver
from theodore_plugin.inference.summaries.model import SummaryClass
from theodore_plugin.inference.values import (
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    OwnModule,
    Value,
    Values,
    ordered,
)

MAX_RESULTS = 8
"""Things one name may stand for; more, and nothing is said about it."""
_NESTED = 2
"""Containers in containers that are looked into."""
_CONSTRUCTORS = ("__new__", "__init__", "__post_init__")


class Naming:
    """Reads names off a solver."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self._lineages = {key: self._lineage(key) for key in solver.classes}

    def units(self) -> Iterator[tuple[str, str]]:
        """Pairs of a name and a unit that runs when it is called."""
        for unit in self.solver.units.values():
            name = definition(unit)
            if name is not None:
                yield name, unit.name
        for key in self.solver.classes:
            for method in _CONSTRUCTORS:
                for value in self._member(key, method):
                    if isinstance(value, OwnFunction):
                        yield dotted(key), value.key

    def returns(self) -> dict[str, tuple[str, ...]]:
        """Return what functions and classes give where that leads anywhere."""
        read = self.solver.read
        found: dict[str, tuple[str, ...]] = {dotted(key): (f"{dotted(key)}()",) for key in self.solver.classes}
        for unit in self.solver.units.values():
            name = definition(unit)
            results = self._outside(read(("return", unit.name)) | read(("yield", unit.name))) if name else ()
            if name and results:
                found[name] = results
        return found

    def leads(self) -> dict[str, tuple[str, ...]]:
        """Return what module-level names and attributes stand for, where that is something else."""
        found: dict[str, tuple[str, ...]] = {}
        names = self.solver.names
        for module in names.modules:
            for name in names.bound_names(module):
                self._lead(found, f"{module}.{name}", self.solver.read((module, name)))
            for node in names.stars(module):
                source = names.absolute(names.modules[module], node)
                for name in names.bound_names(source):
                    self._lead(found, f"{module}.{name}", self.solver.read((source, name)))
        for key, members in self.solver.attributes.items():
            for name in members:
                self._lead(found, f"{dotted(key)}.{name}", self.solver.read(("attribute", key, name)))
        return found

    def classes(self) -> dict[str, SummaryClass]:
        """Return every class with its order of resolution."""
        found = {}
        for key, (own, foreign) in self._lineages.items():
            above = (*map(dotted, own[1:]), *(base for base in foreign if self.solver.leads_on(f"{base}()")))
            found[dotted(key)] = SummaryClass(above, tuple(self.solver.attributes.get(key, ())))
        return found

    def _lineage(self, key: str) -> tuple[list[str], list[str]]:
        unit = self.solver.units[self.solver.classes[key].unit]
        return lineage(Frame(self.solver, unit, unit.scope), key)

    def _member(self, key: str, name: str) -> Values:
        for owner in self._lineages[key][0]:
            found = self.solver.read(("attribute", owner, name))
            if found:
                return found
        return frozenset()

    def _lead(self, found: dict[str, tuple[str, ...]], path: str, values: Values) -> None:
        results = tuple(result for result in self._outside(values) if result != path)
        if results:
            found[path] = results

    def _outside(self, values: Values, depth: int = 0) -> tuple[str, ...]:
        """Import paths of values; containers stand for what they hold."""
        paths: dict[str, None] = {}
        for value in ordered(values):
            if isinstance(value, Container):
                inside = self.solver.read(("all", value.key)) if depth < _NESTED else frozenset()
                paths.update(dict.fromkeys(self._outside(inside, depth + 1)))
            else:
                path = self._path(value)
                if path is not None:
                    paths[path] = None
            if len(paths) > MAX_RESULTS:
                return ()
        return tuple(paths)

    def _path(self, value: Value) -> str | None:
        if isinstance(value, Foreign):
            return value.key if self.solver.leads_on(value.key) else None
        if isinstance(value, OwnFunction):
            return definition(self.solver.units[value.key])
        if isinstance(value, OwnClass):
            return dotted(value.key)
        if isinstance(value, Instance):
            return f"{dotted(value.key)}()"
        return value.key if isinstance(value, OwnModule) else None


def definition(unit: Unit) -> str | None:
    """Return the import path of a function; ``None`` for code that has no name."""
    return None if unit.kind in {"module", "main", "lambda"} else dotted(unit.name.partition("@")[0])


def dotted(key: str) -> str:
    """Turn a qualified name into an import path."""
    return key.replace(":", ".")
