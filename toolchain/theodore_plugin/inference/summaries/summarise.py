"""Make the summary of one distribution: solve it with everything as an entry, then say of every name what it does.

An effect is carried from the function that has it to all that may call it, by the shortest way; that way is the
evidence. Targets are kept apart up to a bound, beyond it the permission is claimed for any target.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from theodore_plugin.distributions.model import Distribution
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, module_level
from theodore_plugin.facts.room import deep_recursion
from theodore_plugin.finding import Step
from theodore_plugin.inference.acts import acts
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.propagate import short
from theodore_plugin.inference.resolve import semantics
from theodore_plugin.inference.solver import DEPENDENCY, Solver
from theodore_plugin.inference.summaries.model import Reason, Summary, SummaryEffect, SummaryStep
from theodore_plugin.inference.summaries.naming import Naming

MAX_TARGETS = 6
"""Targets of one kind of effect that are told apart; more become "any"."""

_Kind = tuple[str, str, bool]
"""Permission, access, and whether it acts."""


@deep_recursion()
def summarise(
    distribution: Distribution, names: Names, needs: tuple[str, ...], gaps: Sequence[tuple[str, str]], known: Knowledge
) -> Summary:
    """Analyse the modules of one distribution by themselves, with what is known of those it needs."""
    solver = Solver(names, known, semantics(), DEPENDENCY)
    seen = solver.run().calls.values()
    naming = Naming(solver)
    effects = tuple(_effects(solver))
    acting = {unit for effect in effects for unit in effect.reasons}
    return Summary(
        distribution=distribution.name,
        version=distribution.version,
        roots=distribution.roots,
        needs=needs,
        effects=effects,
        names=_names(naming, acting),
        leads=naming.leads(),
        returns=naming.returns(),
        classes=naming.classes(),
        imports=_imports(names, acting),
        gaps=tuple(gaps),
        unresolved=sum(not call.resolved for call in seen),
        calls=len(seen),
        lines=sum(facts.lines for facts in names.modules.values()),
    )


def _names(naming: Naming, acting: set[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, unit in naming.units():
        if unit in acting:
            found[name] = (*found.get(name, ()), unit)
    return found


def _effects(solver: Solver) -> Iterator[SummaryEffect]:
    """Carry every effect from the functions that have it themselves to all that may call them."""
    callers: dict[str, list[str]] = {}
    for caller, callees in sorted(solver.record.edges.items()):
        for callee in callees:
            callers.setdefault(callee, []).append(caller)
    for (permission, access, is_act), targets in _by_kind(solver).items():
        for target, reasons in _bounded(targets).items():
            spread = _spread(solver, reasons, callers)
            yield SummaryEffect(permission, access, target, is_act, spread)


def _by_kind(solver: Solver) -> dict[_Kind, dict[str | None, dict[str, Reason]]]:
    """Reasons of the functions that act themselves, by kind of effect, target and unit."""
    kinds: dict[_Kind, dict[str | None, dict[str, Reason]]] = {}
    for act in sorted(acts(solver), key=lambda act: (act.location, act.symbol, act.effect.access)):
        effect = act.effect
        kind = (effect.permission.value, effect.access, act.called and effect.acts)
        inner = (SummaryStep.of(step) for step in solver.map.within(act.symbol, effect))
        reason = Reason((SummaryStep.of(act.step), *inner), None)
        for target in act.targets:
            kinds.setdefault(kind, {}).setdefault(target, {}).setdefault(act.unit, reason)
    return kinds


def _bounded(targets: Mapping[str | None, Mapping[str, Reason]]) -> Mapping[str | None, Mapping[str, Reason]]:
    if len(targets) <= MAX_TARGETS:
        return targets
    merged: dict[str, Reason] = {}
    for reasons in targets.values():
        for unit, reason in reasons.items():
            merged.setdefault(unit, reason)
    return {None: merged}


def _spread(solver: Solver, direct: Mapping[str, Reason], callers: Mapping[str, list[str]]) -> dict[str, Reason]:
    """Breadth-first from the units that act to all that may call them."""
    reached = dict(direct)
    pending = deque(reached)
    while pending:
        unit = pending.popleft()
        for caller in callers.get(unit, ()):
            if caller not in reached:
                site = solver.record.edges[caller][unit]
                step = SummaryStep.of(Step(f"{short(caller)} calls {short(unit)}", site))
                reached[caller] = Reason((step,), unit)
                pending.append(caller)
    return reached


def _imports(names: Names, acting: set[str]) -> dict[str, tuple[str, ...]]:
    """Return, for every module whose import does something, the bodies that do."""
    needs = {name: _imported_modules(names, facts) for name, facts in names.modules.items()}
    found = {}
    for name in names.modules:
        bodies = tuple(module for module in _closure(name, needs) if module in acting)
        if bodies:
            found[name] = bodies
    return found


def _closure(name: str, needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Modules that importing ``name`` runs: it, the packages around it, and what they import."""
    seen: dict[str, None] = {}
    pending = deque([name])
    while pending:
        current = pending.popleft()
        if current not in seen:
            seen[current] = None
            parts = current.split(".")
            pending.extend(".".join(parts[:depth]) for depth in range(1, len(parts)))
            pending.extend(needs.get(current, ()))
    return iter(seen)


def _imported_modules(names: Names, facts: m.ModuleFacts) -> Sequence[str]:
    """Own modules that a module's top level imports; imports inside functions run when those do."""
    found: set[str] = set()
    for node in module_level(facts.body):
        if isinstance(node, m.Import):
            found.add(node.target)
        elif isinstance(node, m.ImportFrom):
            source = names.absolute(facts, node)
            found |= {source, f"{source}.{node.attribute}"}
    return sorted(name for name in found if name in names.modules)
