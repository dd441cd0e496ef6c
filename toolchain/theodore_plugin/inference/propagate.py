"""From entry points to acts: which units are reached in which phase, and by which shortest chain."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.model import Phase
from theodore_plugin.inference.scopes import Unit


@dataclass(frozen=True, slots=True)
class Reach:
    """For every reached unit, who calls it and where; entry points have no caller."""

    phase: Phase
    label: str
    """Who calls the entries: ``the host calls``."""
    callers: Mapping[str, tuple[str, Location] | None]


def reach(phase: Phase, label: str, entries: Iterable[str], edges: Mapping[str, Mapping[str, Location]]) -> Reach:
    """Breadth-first from the entries, so every chain is a shortest one."""
    callers: dict[str, tuple[str, Location] | None] = dict.fromkeys(sorted(entries))
    pending = deque(callers)
    while pending:
        caller = pending.popleft()
        for callee, location in sorted(edges.get(caller, {}).items()):
            if callee not in callers:
                callers[callee] = (caller, location)
                pending.append(callee)
    return Reach(phase, label, callers)


def chain(reached: Reach, unit: str, units: Mapping[str, Unit], act: Step) -> tuple[Step, ...]:
    """Spell out how ``unit`` is reached, the act last."""
    steps = [act]
    current = unit
    while (caller := reached.callers[current]) is not None:
        name, location = caller
        steps.append(Step(f"{short(name)} calls {short(current)}", location))
        current = name
    steps.append(Step(f"{reached.label} {short(current)}", _definition(units[current])))
    return tuple(reversed(steps))


def unreached_chain(unit: Unit, act: Step) -> tuple[Step, ...]:
    """Spell out an act in code that nothing seen here calls."""
    label = "runs only as a script" if unit.kind == "main" else "is called from nowhere in the plugin"
    return (Step(f"{short(unit.name)} {label}", _definition(unit)), act)


def short(unit: str) -> str:
    """How a unit is called in a chain: ``Class.method``, or the module's name."""
    module, _, name = unit.partition(":")
    return name or module


def _definition(unit: Unit) -> Location:
    start = unit.span
    return Location(unit.scope.module.path, start.line, start.column + 1)
