"""Classes: defining, method resolution order over own and foreign bases, attribute look-up."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.inference.functions import bound_method
from theodore_plugin.inference.scopes import Scope, bound_names
from theodore_plugin.inference.solver import ClassInfo, Frame
from theodore_plugin.inference.values import NOTHING, Foreign, OwnClass, OwnFunction, Values

MAX_ANCESTORS = 64


def define_class(frame: Frame, node: m.Class) -> tuple[ClassInfo, Frame]:
    """Register a class and return it with a frame for its body; bases and keywords are evaluated."""
    prefix = frame.scope.class_key or frame.unit.name
    key = f"{prefix}.{node.name}" if ":" in prefix else f"{prefix}:{node.name}"
    known = frame.solver.classes.get(key)
    if known is not None and known.node is not node:
        key = f"{key}@{node.span.line}"
    info = frame.solver.classes.setdefault(key, ClassInfo(key, node.name, node, frame.module, frame.unit.name))
    for argument in node.bases:
        found = frame.evaluate(argument.value)
        if argument.keyword is None:
            frame.write(("bases", key), found)
    bound, _ = bound_names(node.body)
    return info, frame.within(Scope(key, frame.module, frame.scope, bound, class_key=key))


def lineage(frame: Frame, key: str) -> tuple[list[str], list[str]]:
    """Own classes in resolution order (``key`` first) and the foreign bases, nearest first."""
    own: list[str] = []
    foreign: list[str] = []
    pending = [key]
    while pending and len(own) < MAX_ANCESTORS:
        current = pending.pop(0)
        if current in own:
            continue
        own.append(current)
        bases = frame.read(("bases", current))
        pending.extend(sorted(base.key for base in bases if isinstance(base, OwnClass)))
        foreign.extend(sorted(base.path for base in bases if isinstance(base, Foreign) and base.path not in foreign))
    return own, foreign


def attribute(frame: Frame, key: str, name: str, *, through_class: bool, above: bool = False) -> Values:
    """Read an attribute of a class or of its objects; ``above`` starts at the next class, as ``super()`` does."""
    own, foreign = lineage(frame, key)
    for owner in own[1:] if above else own:
        found = frame.read(("attribute", owner, name))
        if found:
            return _bind(frame, found, key, through_class)
    suffix = "" if through_class else "()"
    paths = [frame.solver.map.canonical(f"{base}{suffix}.{name}") for base in foreign]
    return frozenset(Foreign(path) for path in paths)


def _bind(frame: Frame, found: Values, key: str, through_class: bool) -> Values:
    result: Values = NOTHING
    for value in found:
        unit = frame.solver.units.get(value.unit) if isinstance(value, OwnFunction) else None
        if unit is None or unit.owner is None:
            result |= {value}
        elif unit.kind == "property" and not through_class:
            frame.edge(unit.name, unit.span)
            result |= frame.read(("return", unit.name))
        else:
            result |= bound_method(unit, key, through_class)
    return result
