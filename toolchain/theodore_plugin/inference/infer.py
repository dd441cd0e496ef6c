"""Inference: solve, then read permissions, calls and unknowns off the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names
from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.capabilities import CapabilityMap, Effect
from theodore_plugin.inference.classes import lineage
from theodore_plugin.inference.containers import position_key
from theodore_plugin.inference.model import Certainty, Inference, InferredPermission, Phase, ResolvedCall, Unknown
from theodore_plugin.inference.propagate import Reach, chain, reach, unreached_chain
from theodore_plugin.inference.resolve import semantics
from theodore_plugin.inference.scopes import Unit
from theodore_plugin.inference.solver import Frame, Record, SeenCall, Solver
from theodore_plugin.inference.targets import is_own_package, pattern, patterns
from theodore_plugin.inference.values import HOLE, Container, Foreign, Values, texts
from theodore_sdk.info import PermissionType

READ_MODES = frozenset("rbtU")
DYNAMIC_MODULE = "module"
CONTEXT = "theodore_sdk.PluginContext()"
_OPAQUE = frozenset({PermissionType.DYNAMIC_CODE, PermissionType.NATIVE})
"""What is used under these permissions can do anything."""


def infer(names: Names, capabilities: CapabilityMap, entry_classes: Iterable[str]) -> Inference:
    """Infer over the plugin's own modules; ``entry_classes`` are ``module:Class`` names the host calls."""
    solver = _Seeded(names, capabilities, frozenset(entry_classes))
    record = solver.run()
    return _Reader(solver, record).read()


class _Seeded(Solver):
    """A solver that knows what the host passes to ``initialize``."""

    def __init__(self, names: Names, capabilities: CapabilityMap, entries: frozenset[str]) -> None:
        super().__init__(names, capabilities, semantics())
        self.entries = entries

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


@dataclass(frozen=True, slots=True)
class _Act:
    """One use of a foreign name."""

    unit: str
    symbol: str
    location: Location
    effect: Effect
    targets: tuple[str | None, ...]
    called: bool


class _Reader:
    """Reads answers off the record of a solved project."""

    def __init__(self, solver: _Seeded, record: Record) -> None:
        self.solver = solver
        self.record = record
        modules = [name for name, unit in solver.units.items() if unit.kind == "module"]
        owners = solver.entry_lineage()
        methods = [name for name, unit in solver.units.items() if unit.owner in owners and unit.kind != "lambda"]
        self.reaches = (
            reach(Phase.IMPORT, modules, record.edges),
            reach(Phase.CALL, methods, record.edges),
        )

    def read(self) -> Inference:
        """Assemble the answer in a fixed order."""
        acts = [*self._called(), *self._held()]
        permissions = {permission: None for act in acts for permission in self._permissions(act)}
        unknown = [*self._unfinished(), *self._unmodelled(), *self._computed(acts)]
        seen = self.record.calls.values()
        calls = sorted((self._resolved(call) for call in seen if call.callees), key=lambda call: call.location)
        return Inference(
            tuple(sorted(permissions, key=_order)),
            tuple(sorted(set(unknown), key=lambda item: (item.location, item.reason))),
            tuple(calls),
            len(seen),
            sum(call.resolved for call in seen),
        )

    def _called(self) -> Iterator[_Act]:
        for call in self.record.calls.values():
            location = call.node.span.at(call.module.path)
            for symbol in call.callees:
                for effect in self.solver.map.of_call(symbol):
                    chosen = self._by_mode(effect, call)
                    found = self._target_texts(effect, call)
                    if chosen.applies(found) is False or (chosen.given and not _may_be_given(chosen, call)):
                        continue
                    if chosen.target == DYNAMIC_MODULE and found and not any(HOLE in text for text in found):
                        continue  # a constant import is resolved like an import statement
                    if found and all(is_own_package(chosen, text) for text in found):
                        continue
                    yield _Act(call.unit, symbol, location, chosen, _targets(chosen, found), True)

    def _held(self) -> Iterator[_Act]:
        for reference in self.record.references.values():
            for effect in self.solver.map.held(reference.symbol):
                found = tuple(
                    dict.fromkeys(pattern(effect, text) for text in reference.item if effect.target is not None)
                )
                acted = bool(reference.item) and effect.target is not None
                yield _Act(reference.unit, reference.symbol, reference.location, effect, found or (None,), acted)

    def _by_mode(self, effect: Effect, call: SeenCall) -> Effect:
        """``open`` reads unless its mode says otherwise; a mode that is not constant counts as writing."""
        if effect.modes is None:
            return effect
        index = _argument_index(call, *effect.modes)
        if index is None:
            return effect
        modes = texts(call.arguments[index])
        reads = bool(modes) and all(set(mode.partition(":")[0].partition("|")[0]) <= READ_MODES for mode in modes)
        return effect if reads else _replace_access(effect, "write")

    def _target_texts(self, effect: Effect, call: SeenCall) -> tuple[str, ...]:
        if effect.receiver:
            return texts(call.receiver)
        index = _argument_index(call, effect.position, effect.keyword)
        if index is None:
            return ()
        return self._strings(effect, call.arguments[index], call.node.arguments[index].value)

    def _strings(self, effect: Effect, values: Values, node: m.Expr) -> tuple[str, ...]:
        """Strings of an argument: itself, the first word of an argv, or ``host:port`` of an address tuple."""
        found = texts(values)
        for value in values:
            if isinstance(value, Container) and effect.target in {"program", "address", "bind"}:
                first = texts(self.solver.read(("item", value.site, position_key(0)))) or (
                    ("",) if effect.target == "bind" else ()
                )
                port = _constant_port(node)
                found += tuple(f"{text}:{port}" if port else text for text in first)
        return found

    def _permissions(self, act: _Act) -> Iterator[InferredPermission]:
        step = Step(f"{'calls' if act.called else 'holds'} {act.symbol}", act.location)
        for phase, steps in self._chains(act.unit, step):
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
                )

    def _chains(self, unit: str, act: Step) -> Iterator[tuple[Phase, tuple[Step, ...]]]:
        reached: list[Reach] = [item for item in self.reaches if unit in item.callers]
        for item in reached:
            yield item.phase, chain(item, unit, self.solver.units, act)
        if not reached:
            yield Phase.UNREACHED, unreached_chain(self.solver.units[unit], act)

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
        for variable in self.solver.widened:
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
                for target in imported_roots(self.solver.names, facts, node):
                    if self.solver.map.library(target) is None:
                        step = Step(f"imports {target}", node.span.at(facts.path))
                        yield Unknown(f"{target.split('.')[0]} is not in the capability map", (step,))

    def _computed(self, acts: Iterable[_Act]) -> Iterator[Unknown]:
        """Acts that can do anything; what is done with their results counts once a function, and at its origin."""
        opaque = sorted((act for act in acts if act.effect.permission in _OPAQUE), key=lambda act: act.location)
        said = {(act.unit, act.symbol) for act in opaque}
        for act in opaque:
            origin = act.symbol.partition("()")[0]
            if act.symbol != origin and (act.unit, origin) in said:
                continue
            said.add((act.unit, origin))
            step = Step(f"{'calls' if act.called else 'holds'} {act.symbol}", act.location)
            _, steps = next(self._chains(act.unit, step))
            yield Unknown(f"{origin} can do anything", steps)


def imported_roots(names: Names, facts: m.ModuleFacts, node: m.Node) -> tuple[str, ...]:
    """Foreign modules an import statement names; the plugin's own and relative ones are left out."""
    if isinstance(node, m.Import):
        return () if names.is_own(node.target) else (node.target,)
    if isinstance(node, m.ImportFrom) and not node.level:
        source = names.absolute(facts, node)
        return () if names.is_own(source) or source == "__future__" else (source,)
    return ()


def _targets(effect: Effect, found: tuple[str, ...]) -> tuple[str | None, ...]:
    if effect.target is not None and effect.target.startswith("="):
        return (effect.target[1:],)
    return patterns(effect, found)


def _argument_index(call: SeenCall, position: int | None, keyword: str | None) -> int | None:
    for index, argument in enumerate(call.node.arguments):
        if keyword is not None and argument.keyword == keyword:
            return index
        if argument.keyword is None and index == position:
            return index
    return None


def _may_be_given(effect: Effect, call: SeenCall) -> bool:
    """Whether the argument an effect hangs on is passed, or may be among starred ones."""
    starred = any(argument.keyword in {"*", "**"} for argument in call.node.arguments)
    return starred or _argument_index(call, effect.position, effect.keyword) is not None


def _constant_port(node: m.Expr) -> int | None:
    if isinstance(node, m.Sequence) and len(node.items) > 1:
        port = node.items[1]
        if isinstance(port, m.Constant) and isinstance(port.value, int):
            return port.value
    return None


def _replace_access(effect: Effect, access: str) -> Effect:
    return replace(effect, access=access)


def _certainty(act: _Act, target: str | None) -> Certainty:
    if not act.called:
        return Certainty.HELD
    return Certainty.PROVEN if target is not None and "*" not in target else Certainty.RESOLVED


def _order(item: InferredPermission) -> tuple[str, Location, str, str, str]:
    return (item.permission.value, item.location, item.access, item.target or "", item.phase.value)
