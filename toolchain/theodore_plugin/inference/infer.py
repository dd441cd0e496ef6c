"""Inference: solve, then read permissions, calls and unknowns off the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names
from theodore_plugin.facts.room import deep_recursion
from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.acts import Act, acts
from theodore_plugin.inference.capabilities import CapabilityMap
from theodore_plugin.inference.classes import lineage
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.model import Certainty, Inference, InferredPermission, Phase, ResolvedCall, Unknown
from theodore_plugin.inference.propagate import Reach, chain, reach, unreached_chain
from theodore_plugin.inference.record import Record, SeenCall
from theodore_plugin.inference.resolve import semantics
from theodore_plugin.inference.scopes import Unit
from theodore_plugin.inference.solver import Solver
from theodore_plugin.inference.values import Container, Foreign, Values, texts
from theodore_sdk.info import PermissionType

CONTEXT = "theodore_sdk.PluginContext()"
_OPAQUE = frozenset({PermissionType.DYNAMIC_CODE, PermissionType.NATIVE})
"""What is used under these permissions can do anything."""


@deep_recursion()
def infer(names: Names, known: CapabilityMap | Knowledge, entry_classes: Iterable[str]) -> Inference:
    """Infer over own modules; ``entry_classes`` are ``module:Class`` names the host calls.

    Without any, the code is a library: everything public is an entry.
    """
    knowledge = known if isinstance(known, Knowledge) else Knowledge(known)
    solver = _Seeded(names, knowledge, frozenset(entry_classes))
    record = solver.run()
    return _Reader(solver, record).read()


class _Seeded(Solver):
    """A solver that knows what the host passes to ``initialize``."""

    def __init__(self, names: Names, knowledge: Knowledge, entries: frozenset[str]) -> None:
        super().__init__(names, knowledge, semantics())
        self.entries = entries
        self.home = frozenset(entry.partition(":")[0].partition(".")[0] for entry in entries)

    def seed(self) -> None:
        """Make the container handed to ``initialize`` a PluginContext, annotated or not."""
        for unit in list(self.units.values()):
            is_initialize = unit.name.rpartition(".")[2] == "initialize" and unit.owner in self.entry_lineage()
            if is_initialize and len(unit.parameters) > 1:
                self.write((unit.scope.key, unit.parameters[1].name), frozenset({Foreign(CONTEXT)}))

    def entry_lineage(self) -> frozenset[str]:
        """Entry classes and their own ancestors."""
        found: set[str] = set()
        for key in self.entries & self.classes.keys():
            unit = self.units[self.classes[key].unit]
            found.update(lineage(Frame(self, unit, unit.scope), key)[0])
        return frozenset(found)


class _Reader:
    """Reads answers off the record of a solved project."""

    def __init__(self, solver: _Seeded, record: Record) -> None:
        self.solver = solver
        self.record = record
        modules = [name for name, unit in solver.units.items() if unit.kind == "module"]
        self.reaches = (
            reach(Phase.IMPORT, "importing", modules, record.edges),
            reach(Phase.CALL, *_entries(solver), record.edges),
        )
        self.surely = reach(Phase.IMPORT, "importing", modules, _called(record))
        """What importing runs, whatever libraries do with the functions they are given."""

    def read(self) -> Inference:
        """Assemble the answer in a fixed order."""
        found = list(acts(self.solver))
        permissions = {permission: None for act in found for permission in self._permissions(act)}
        permissions.update(dict.fromkeys(self._imported()))
        unknown = [*self._unfinished(), *self._unmodelled(), *self._computed(found)]
        seen = self.record.calls.values()
        calls = sorted((self._resolved(call) for call in seen if call.callees), key=lambda call: call.location)
        return Inference(
            tuple(sorted(permissions, key=_order)),
            tuple(sorted(set(unknown), key=_unknown_order)),
            tuple(calls),
            len(seen),
            sum(call.resolved for call in seen),
        )

    def _permissions(self, act: Act) -> Iterator[InferredPermission]:
        for phase, steps in self._chains(act.unit, act.step):
            handed = self._is_handed(phase, act.unit)
            for target in act.targets:
                yield InferredPermission(
                    act.effect.permission,
                    act.effect.access,
                    target,
                    _certainty(act, target),
                    steps,
                    phase,
                    act.symbol,
                    act.called and act.effect.acts,
                    self._through(act.symbol),
                    self._within(act),
                    handed,
                )

    def _within(self, act: Act) -> tuple[Step, ...]:
        """Say how the act comes about inside a library: by its summary, or because the library does so unasked."""
        if act.effect.ambient:
            return (Step(f"{self._through(act.symbol)} looks it up for itself", act.location),)
        return self.solver.map.within(act.symbol, act.effect)

    def _through(self, symbol: str) -> str | None:
        library = self.solver.map.library(symbol)
        return library.distribution if library is not None else None

    def _imported(self) -> Iterator[InferredPermission]:
        """Iterate over what importing followed dependencies does."""
        for (unit, module), location in self.record.imports.items():
            for found in self.solver.map.of_import(module):
                for phase, steps in self._chains(unit, Step(f"imports {module}", location)):
                    yield InferredPermission(
                        found.effect.permission,
                        found.effect.access,
                        found.target,
                        Certainty.RESOLVED,
                        steps,
                        phase,
                        f"import {module}",
                        found.effect.acts,
                        self._through(module),
                        found.within,
                        self._is_handed(phase, unit),
                    )

    def _chains(self, unit: str, act: Step) -> Iterator[tuple[Phase, tuple[Step, ...]]]:
        reached: list[Reach] = [item for item in self.reaches if unit in item.callers]
        for item in reached:
            surest = self.surely if item.phase is Phase.IMPORT and unit in self.surely.callers else item
            yield item.phase, chain(surest, unit, self.solver.units, act)
        if not reached:
            yield Phase.UNREACHED, unreached_chain(self.solver.units[unit], act)

    def _is_handed(self, phase: Phase, unit: str) -> bool:
        return phase is Phase.IMPORT and unit not in self.surely.callers

    def _resolved(self, call: SeenCall) -> ResolvedCall:
        unit = self.solver.units[call.unit]
        strings = tuple(texts(values) for values in call.arguments)
        origins = tuple(self._origins(values) for values in call.arguments)
        return ResolvedCall(
            call.module.path, call.node, call.callees, call.unit, unit.is_async, strings, origins, texts(call.receiver)
        )

    def _origins(self, values: Values) -> tuple[str, ...]:
        """Foreign names among values, and one level into containers."""
        sites = [value.site for value in values if isinstance(value, Container)]
        inside = (value for site in sites for value in self.solver.read(("all", site)))
        return tuple(sorted({value.path for value in (*values, *inside) if isinstance(value, Foreign)}))

    def _unfinished(self) -> Iterator[Unknown]:
        for name in self.solver.unfinished:
            unit = self.solver.units[name]
            step = Step(f"{name} was given up", unit.span.at(unit.scope.module.path))
            yield Unknown("resolution did not come to an end", (step,))
        for variable, dropped in self.solver.widened.items():
            if self.solver.only_data(dropped):
                continue
            unit = self._unit_of(variable)
            step = Step(f"{variable[-1]} may be too many things", unit.span.at(unit.scope.module.path))
            yield Unknown("more possible values than are followed", (step,))

    def _unit_of(self, variable: tuple[str, ...]) -> Unit:
        """Return the unit a variable belongs to, as nearly as its key says."""
        for part in variable:
            if part in self.solver.units:
                return self.solver.units[part]
        owner = next((self.solver.classes[part] for part in variable if part in self.solver.classes), None)
        return self.solver.units[owner.unit if owner else min(self.solver.units)]

    def _unmodelled(self) -> Iterator[Unknown]:
        """Libraries the map does not know: what is reached through them cannot be said."""
        for facts in self.solver.names.modules.values():
            for node in m.walk(facts.body):
                for target in self.solver.names.foreign_imports(facts, node):
                    step = Step(f"imports {target}", node.span.at(facts.path))
                    if self.solver.map.library(target) is None:
                        yield Unknown(f"{target.split('.')[0]} is not in the capability map", (step,))
                    elif self.solver.map.gaps(target):
                        gaps = self.solver.map.gaps(target)
                        yield Unknown(f"{gaps} files of {self._through(target)} could not be analysed", (step,))

    def _computed(self, found: Iterable[Act]) -> Iterator[Unknown]:
        """Acts that can do anything; what is done with their results counts once a function, and at its origin."""
        opaque = sorted(
            (act for act in found if act.effect.permission in _OPAQUE and not act.effect.ambient),
            key=lambda act: act.location,
        )
        said = {(act.unit, act.symbol) for act in opaque}
        for act in opaque:
            origin = act.symbol.partition("()")[0]
            if act.symbol != origin and (act.unit, origin) in said:
                continue
            said.add((act.unit, origin))
            _, steps = next(self._chains(act.unit, act.step))
            yield Unknown(f"{origin} can do anything", steps)


def _called(record: Record) -> dict[str, dict[str, Location]]:
    """Return the edges that are calls."""
    return {
        caller: {callee: place for callee, place in callees.items() if (caller, callee) in record.called}
        for caller, callees in record.edges.items()
    }


def _entries(solver: _Seeded) -> tuple[str, list[str]]:
    """Say who calls, and which units: hooks of the entry classes, or everything public of a library."""
    if solver.entries:
        owners = solver.entry_lineage()
        return "the host calls", [
            name for name, unit in solver.units.items() if unit.owner in owners and unit.kind != "lambda"
        ]
    functions = (name for name, unit in solver.units.items() if unit.kind not in {"module", "main", "lambda"})
    return "anyone may call", [name for name in functions if is_public(name)]


def is_public(name: str) -> bool:
    """Whether every part of a qualified name is public; dunder methods are, since operators call them."""
    parts = name.replace(":", ".").split(".")
    return all(not part.startswith("_") or part.endswith("__") for part in parts)


def _certainty(act: Act, target: str | None) -> Certainty:
    if not act.called:
        return Certainty.HELD
    return Certainty.PROVEN if target is not None and "*" not in target else Certainty.RESOLVED


def _order(item: InferredPermission) -> tuple[str, Location, tuple[str, ...]]:
    labels = (step.label for step in item.chain)
    return (
        item.permission.value,
        item.location,
        (item.access, item.target or "", item.phase.value, item.symbol, item.confidence.value, *labels),
    )


def _unknown_order(item: Unknown) -> tuple[Location, str, tuple[str, ...]]:
    return (item.location, item.reason, tuple(step.label for step in item.chain))
