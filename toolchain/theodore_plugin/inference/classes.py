"""Classes: definition, order of resolution over own and foreign bases, attribute look-up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from theodore_plugin.facts import model as m
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.scopes import Scope, Unit, bound_names
from theodore_plugin.inference.shadowing import sure_names, unmangled
from theodore_plugin.inference.solver import ClassInfo
from theodore_plugin.inference.values import (
    NOTHING,
    PLAIN,
    Bound,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    Value,
    Values,
    ordered,
)

MAX_ANCESTORS = 64
MAX_DESCENDANTS = 8
"""Classes below one that its methods are told apart for; of more, only what none of them inherits is looked up."""
_BARE = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})
"""Bases that bring no attributes: what is not found on own classes comes from a class nobody sees."""


def qualified(frame: Frame, name: str) -> str:
    """Qualified name of something defined here: ``module:Outer.name``."""
    prefix = frame.scope.class_key or frame.unit.name
    return f"{prefix}.{name}" if ":" in prefix else f"{prefix}:{name}"


def define_class(frame: Frame, node: m.Class) -> ClassInfo:
    """Register a class; its bases and keywords are evaluated."""
    info = _register(frame, node)
    for bound in node.bounds:
        frame.evaluate(bound)
    for argument in node.bases:
        found = frame.evaluate(argument.value)
        if argument.keyword is None:
            if not found <= frame.read(("bases", info.key)):
                frame.solver.lineages.clear()
            frame.write(("bases", info.key), found)
        elif argument.keyword == "metaclass":
            frame.write(("metaclass", info.key), found)
    for ancestor in lineage(frame, info.key)[0]:
        below = frame.solver.descendants.setdefault(ancestor, {})
        below[info.key] = None
        if len(below) <= MAX_DESCENDANTS or ancestor == info.key:
            frame.write(("objects", ancestor), frozenset({Instance(info.key)}))
    return info


def _register(frame: Frame, node: m.Class) -> ClassInfo:
    key = qualified(frame, node.name)
    known = frame.solver.classes.get(key)
    if known is not None and known.node is not node:
        key = f"{key}@{node.span.line}"
    return frame.solver.classes.setdefault(key, ClassInfo(key, node.name, node, frame.module, frame.unit.name))


def class_frame(frame: Frame, node: m.Class) -> Frame:
    """Return the frame of a class body."""
    info = _register(frame, node)
    bound, _ = bound_names(node.body)
    return frame.within(Scope(info.key, frame.module, frame.scope, bound, class_key=info.key))


def lineage(frame: Frame, key: str) -> tuple[list[str], list[str]]:
    """Own classes in resolution order (``key`` first) and the foreign bases, nearest first.

    Depth first, left to right, a shared ancestor after all who share it: the order of PEP 253's C3 for every
    hierarchy that C3 accepts, without its refusals.
    """
    known = frame.solver.lineages.get(key)
    if known is not None:
        for owner in known[0]:
            frame.read(("bases", owner))  # who asks is asked again when a base is added
        return known
    own: list[str] = []
    foreign: list[str] = []
    _ascend(frame, key, own, foreign, set())
    last = {name: position for position, name in enumerate(own)}
    found = [name for position, name in enumerate(own) if last[name] == position], foreign
    frame.solver.lineages[key] = found
    return found


def _ascend(frame: Frame, key: str, own: list[str], foreign: list[str], above: set[str]) -> None:
    if key in above or len(own) >= MAX_ANCESTORS:
        return
    own.append(key)
    bases = frame.read(("bases", key))
    if len(bases) == 1:
        ((base),) = bases
        candidates: Sequence[Value] = [base]
    else:
        candidates = _in_written_order(frame, key, bases)
    for base in candidates:
        if type(base) is OwnClass:
            _ascend(frame, base.key, own, foreign, above | {key})
        elif type(base) is Foreign and base.key not in foreign:
            foreign.append(base.key)


def _in_written_order(frame: Frame, key: str, bases: Values) -> list[OwnClass | Foreign]:
    """Order bases as the class statement names them; what it names in no visible way comes last."""
    if not bases:
        return []
    info = frame.solver.classes[key]
    written = [m.dotted(argument.value) or "" for argument in info.node.bases if argument.keyword is None]
    tails = [name.rpartition(".")[2] for name in written]

    def place(base: OwnClass | Foreign) -> int:
        name = base.key.rpartition(":")[2].rpartition(".")[2]
        return tails.index(name) if name in tails else len(tails)

    known = [base for base in ordered(bases) if isinstance(base, (OwnClass, Foreign))]
    return sorted(known, key=place)


def attribute(frame: Frame, key: str, name: str, *, through_class: bool, above: str | None = None) -> Values:
    """Read an attribute of a class or of its objects; ``above`` starts behind that class, as ``super()`` does."""
    own, foreign = lineage(frame, key)
    if above is not None:
        own = own[own.index(above) + 1 :] if above in own else own[1:]
    name = unmangled(name)
    for position, owner in enumerate(own):
        found = frame.read(("attribute", owner, name))
        if found:
            return bind(frame, found | _behind(frame, own[position:], name), key, through_class)
    inherited: Values = frozenset(
        _inherited(frame, base, name, "" if through_class else "()") for base in foreign if base not in _BARE
    )
    return inherited if above is not None else inherited | _below(frame, key, name, through_class)


def _below(frame: Frame, key: str, name: str, through_class: bool) -> Values:
    """Return an attribute that only descendants have, where there are too many to tell them apart."""
    below = frame.solver.descendants.get(key, {})
    found: Values = NOTHING
    if len(below) > MAX_DESCENDANTS:
        for descendant in below:
            found |= bind(frame, frame.read(("attribute", descendant, name)), descendant, through_class)
    return found


def _behind(frame: Frame, owners: Sequence[str], name: str) -> Values:
    """Return modules that ancestors hold under a name that the first of ``owners`` may not bind after all."""
    found: Values = NOTHING
    for owner, above in pairwise(owners):
        if name in sure_names(frame.solver, owner, frame.solver.classes[owner].node.body):
            break
        values = frame.read(("attribute", above, name))
        found |= {value for value in values if type(value) is Foreign and frame.solver.is_module(value.key)}
    return found


def _inherited(frame: Frame, base: str, name: str, suffix: str) -> Foreign:
    path = frame.solver.map.canonical(f"{base}{suffix}.{name}")
    harmless = frame.solver.map.library(path) is not None and not frame.solver.leads_on(path)
    return PLAIN if harmless else Foreign(path)


def bind(frame: Frame, found: Values, key: str, through_class: bool) -> Values:
    """Turn what a class holds into what reading it through an object (or through the class) gives."""
    result: Values = NOTHING
    for value in found:
        unit = frame.solver.units.get(value.key) if type(value) is OwnFunction else None
        if unit is None or unit.owner is None or unit.kind == "setter":
            result |= {value} if unit is None or unit.kind != "setter" else NOTHING
        elif unit.kind == "property" and not through_class:
            frame.edge(unit.name, unit.span)
            result |= frame.read(("return", unit.name))
        else:
            result |= bound_method(unit, key, through_class)
    return result


def bound_method(unit: Unit, owner: str, through_class: bool) -> Values:
    """Return what reading a method through an object (or its class) gives."""
    if unit.kind == "static" or (through_class and unit.kind != "class"):
        return frozenset({OwnFunction(unit.name)})
    return frozenset({Bound(unit.name, owner)})
