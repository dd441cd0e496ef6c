"""Make the summary of one distribution: solve it with everything as an entry, then say of every name what it does.

An effect is carried from the function that has it to all that may call it, by the shortest way; that way is the
evidence. Targets are kept apart up to a bound, beyond it the permission is claimed for any target.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, module_level
from theodore_plugin.finding import Step
from theodore_plugin.inference.acts import Act, acts
from theodore_plugin.inference.classes import lineage
from theodore_plugin.inference.propagate import short
from theodore_plugin.inference.resolve import semantics
from theodore_plugin.inference.scopes import Unit
from theodore_plugin.inference.solver import Frame, Solver
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.summaries.model import Summary, SummaryEffect, SummaryStep
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

MAX_TARGETS = 6
"""Targets of one kind of effect that are told apart; more become "any"."""
MAX_RESULTS = 8
"""Things one call may give; more, and the name says nothing about its result."""
MAX_STEPS = 12
"""Hops of evidence that are kept, the last ones."""

_Key = tuple[str, str, str | None]


def summarise(
    distribution: str,
    version: str,
    roots: tuple[str, ...],
    modules: Mapping[str, m.ModuleFacts],
    gaps: Iterable[tuple[str, str]],
    knowledge: Knowledge,
) -> Summary:
    """Analyse the modules of one distribution by themselves, with what is known of those it needs."""
    solver = Solver(Names(modules), knowledge, semantics())
    record = solver.run()
    names = _Naming(solver)
    carried = _carry(solver, knowledge)
    effects = {
        path: found for unit in solver.units.values() for path in names.paths(unit) if (found := carried.get(unit.name))
    }
    effects.update(names.constructors(carried))
    seen = record.calls.values()
    return Summary(
        distribution=distribution,
        version=version,
        roots=roots,
        effects=effects,
        leads=names.leads(),
        returns=names.returns(),
        imported=_imports(solver, carried),
        methods=_by_method(effects),
        gaps=tuple(gaps),
        unresolved=sum(not call.resolved for call in seen),
        calls=len(seen),
        lines=sum(facts.lines for facts in modules.values()),
    )


# ── Effects ──────────────────────────────────────────────────────────────────────────────────────


def _carry(solver: Solver, knowledge: Knowledge) -> dict[str, tuple[SummaryEffect, ...]]:
    """Return for every unit what it may do, itself or through what it calls."""
    callers: dict[str, list[str]] = {}
    for caller, callees in sorted(solver.record.edges.items()):
        for callee in callees:
            callers.setdefault(callee, []).append(caller)
    found: dict[str, list[SummaryEffect]] = {}
    for key, direct in sorted(_direct(solver, knowledge).items(), key=lambda item: str(item[0])):
        for unit, effect in _spread(solver, direct, callers):
            found.setdefault(unit, []).append(effect)
    return {unit: tuple(effects) for unit, effects in found.items()}


def _direct(solver: Solver, knowledge: Knowledge) -> dict[_Key, dict[str, SummaryEffect]]:
    """Effects by kind and target, then by the unit that has them itself."""
    kinds: dict[tuple[str, str], dict[str | None, dict[str, SummaryEffect]]] = {}
    for act in sorted(acts(solver), key=lambda act: (act.location, act.symbol)):
        for target in act.targets:
            effect = _effect(act, target, knowledge)
            kinds.setdefault((effect.permission, effect.access), {}).setdefault(target, {}).setdefault(act.unit, effect)
    direct: dict[_Key, dict[str, SummaryEffect]] = {}
    for (permission, access), targets in kinds.items():
        for target, units in targets.items():
            kept = target if len(targets) <= MAX_TARGETS else None
            direct.setdefault((permission, access, kept), {}).update(
                {unit: SummaryEffect(permission, access, kept, e.acts, e.through, e.steps) for unit, e in units.items()}
            )
    return direct


def _effect(act: Act, target: str | None, knowledge: Knowledge) -> SummaryEffect:
    inner = knowledge.within(act.symbol, act.effect)
    steps = (SummaryStep.of(act.step), *(SummaryStep.of(step) for step in inner))
    library = knowledge.library(act.symbol)
    acts_here = act.called and act.effect.acts
    through = library.distribution if library else None
    return SummaryEffect(act.effect.permission.value, act.effect.access, target, acts_here, through, steps[-MAX_STEPS:])


def _spread(
    solver: Solver, direct: Mapping[str, SummaryEffect], callers: Mapping[str, list[str]]
) -> Iterator[tuple[str, SummaryEffect]]:
    """Breadth-first from the units that act to all that may call them."""
    reached = dict(direct)
    pending = deque(reached)
    while pending:
        unit = pending.popleft()
        effect = reached[unit]
        yield unit, effect
        for caller in callers.get(unit, ()):
            if caller not in reached:
                site = solver.record.edges[caller][unit]
                step = SummaryStep.of(Step(f"{short(caller)} calls {short(unit)}", site))
                steps = (step, *effect.steps)[:MAX_STEPS]
                reached[caller] = SummaryEffect(
                    effect.permission, effect.access, effect.target, effect.acts, effect.through, steps
                )
                pending.append(caller)


def _imports(solver: Solver, carried: Mapping[str, tuple[SummaryEffect, ...]]) -> dict[str, tuple[SummaryEffect, ...]]:
    """Return what importing each module does: its own body's effects and those of the modules it imports."""
    bodies = {name: carried[name] for name, unit in solver.units.items() if unit.kind == "module" and name in carried}
    needs = {name: _imported_modules(solver.names, facts) for name, facts in solver.names.modules.items()}
    found: dict[str, tuple[SummaryEffect, ...]] = {}
    for name in solver.names.modules:
        merged: dict[_Key, SummaryEffect] = {}
        for module in _closure(name, needs):
            for effect in bodies.get(module, ()):
                merged.setdefault(effect.key, effect)
        if merged:
            found[name] = tuple(merged.values())
    return found


def _closure(name: str, needs: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Modules that importing ``name`` runs: it, the packages around it, and what they import."""
    seen: dict[str, None] = {}
    pending = [name]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen[current] = None
        parts = current.split(".")
        pending += [".".join(parts[:depth]) for depth in range(1, len(parts))]
        pending += sorted(needs.get(current, ()))
    return iter(seen)


def _imported_modules(names: Names, facts: m.ModuleFacts) -> frozenset[str]:
    """Own modules that a module's top level imports; imports inside functions run when those do."""
    found: set[str] = set()
    for node in module_level(facts.body):
        if isinstance(node, m.Import):
            found.add(node.target)
        elif isinstance(node, m.ImportFrom):
            source = names.absolute(facts, node)
            found |= {source, f"{source}.{node.attribute}"}
    return frozenset(name for name in found if name in names.modules)


def _by_method(effects: Mapping[str, tuple[SummaryEffect, ...]]) -> dict[str, tuple[SummaryEffect, ...]]:
    merged: dict[str, dict[_Key, SummaryEffect]] = {}
    for path, found in sorted(effects.items()):
        owner, _, name = path.rpartition(".")
        if owner.endswith("()") and not name.startswith("__"):
            for effect in found:
                merged.setdefault(name, {}).setdefault(effect.key, effect)
    return {name: tuple(found.values()) for name, found in merged.items()}


# ── Names ────────────────────────────────────────────────────────────────────────────────────────


class _Naming:
    """Says under which import paths the parts of a solved distribution are found from outside."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver

    def paths(self, unit: Unit) -> tuple[str, ...]:
        """Import paths of a function; of a method, on the class and on its objects."""
        if unit.kind in {"module", "main", "lambda"}:
            return ()
        if unit.owner is None:
            return (_dotted(unit.name),)
        name = unit.name.rpartition(".")[2].partition("@")[0]
        owner = _dotted(unit.owner)
        return (f"{owner}.{name}", f"{owner}().{name}")

    def constructors(
        self, carried: Mapping[str, tuple[SummaryEffect, ...]]
    ) -> Iterator[tuple[str, tuple[SummaryEffect, ...]]]:
        """Effects of making objects."""
        for key in self.solver.classes:
            merged: dict[_Key, SummaryEffect] = {}
            for name in ("__new__", "__init__", "__post_init__"):
                for value in self._attribute(key, name):
                    for effect in carried.get(value.key, ()) if isinstance(value, OwnFunction) else ():
                        merged.setdefault(effect.key, effect)
            if merged:
                yield _dotted(key), tuple(merged.values())

    def returns(self) -> dict[str, tuple[str, ...]]:
        """Return what functions and classes give where that leads anywhere."""
        found: dict[str, tuple[str, ...]] = {}
        for unit in self.solver.units.values():
            results = self._outside(self.solver.read(("return", unit.name)) | self.solver.read(("yield", unit.name)))
            if results:
                found.update(dict.fromkeys(self.paths(unit), results))
        found.update({_dotted(key): (f"{_dotted(key)}()",) for key in self.solver.classes})
        return found

    def leads(self) -> dict[str, tuple[str, ...]]:
        """Return what module-level names and attributes stand for, where that is something else."""
        found: dict[str, tuple[str, ...]] = {}
        for module in self.solver.names.modules:
            for name in self.solver.names.bound_names(module):
                self._lead(found, f"{module}.{name}", self.solver.read((module, name)))
            for node in self.solver.names.stars(module):
                source = self.solver.names.absolute(self.solver.names.modules[module], node)
                for name in self.solver.names.bound_names(source):
                    self._lead(found, f"{module}.{name}", self.solver.read((source, name)))
        for key in self.solver.classes:
            self._attributes(found, key)
        return found

    def _attributes(self, found: dict[str, tuple[str, ...]], key: str) -> None:
        unit = self.solver.units[self.solver.classes[key].unit]
        own, foreign = lineage(Frame(self.solver, unit, unit.scope), key)
        names = {name for owner in own for name in self.solver.attributes.get(owner, ())}
        above = tuple(f"{base}()" for base in foreign if self.solver.leads_on(f"{base}()"))
        for name in sorted(names):
            values = self._attribute(key, name)
            for path in (f"{_dotted(key)}.{name}", f"{_dotted(key)}().{name}"):
                self._lead(found, path, values)
                if above:  # defined here, so not to be looked for above
                    found.setdefault(path, (path,))
        if above:
            found[f"{_dotted(key)}().*"] = above

    def _attribute(self, key: str, name: str) -> Values:
        unit = self.solver.units[self.solver.classes[key].unit]
        for owner in lineage(Frame(self.solver, unit, unit.scope), key)[0]:
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
            if isinstance(value, Container) and depth < 2:
                paths.update(dict.fromkeys(self._outside(self.solver.read(("all", value.key)), depth + 1)))
            else:
                path = self._path(value)
                if path is not None:
                    paths[path] = None
        return tuple(paths) if len(paths) <= MAX_RESULTS else ()

    def _path(self, value: Value) -> str | None:
        if isinstance(value, Foreign):
            return value.key if self.solver.leads_on(value.key) else None
        if isinstance(value, OwnFunction):
            unit = self.solver.units[value.key]
            return next(iter(self.paths(unit)), None)
        if isinstance(value, OwnClass):
            return _dotted(value.key)
        if isinstance(value, Instance):
            return f"{_dotted(value.key)}()"
        return value.key if isinstance(value, OwnModule) else None


def _dotted(key: str) -> str:
    return key.replace(":", ".")
