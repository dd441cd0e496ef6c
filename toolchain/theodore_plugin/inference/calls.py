"""Evaluate calls: own functions are entered, foreign ones are recorded, a few builtins are understood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from theodore_plugin.facts import model as m
from theodore_plugin.inference import builtins as known
from theodore_plugin.inference.classes import attribute, lineage
from theodore_plugin.inference.scopes import Unit
from theodore_plugin.inference.solver import Frame, SeenCall
from theodore_plugin.inference.values import (
    NOTHING,
    Bound,
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    Value,
    Values,
    called,
    texts,
)

LOOKS_ONLY = frozenset(f"builtins.{name}" for name in ("bool", "callable", "hasattr", "id", "isinstance", "print"))
"""Builtins that give nothing of their argument away."""


def call(frame: Frame, node: m.Call) -> Values:
    """Evaluate a call expression."""
    receiver = frame.evaluate(node.callee.value, called=True) if isinstance(node.callee, m.Attribute) else NOTHING
    callees = frame.evaluate(node.callee, called=True)
    arguments = [frame.evaluate(argument.value) for argument in node.arguments]
    special = known.method_call(frame, node, receiver, arguments)
    result: Values = special or NOTHING
    for callee in sorted(callees, key=repr):
        result |= _enter(frame, callee, node, arguments)
    _record(frame, node, callees, arguments, receiver, resolved=bool(callees) or special is not None)
    return result


def call_values(frame: Frame, callees: Values, arguments: Sequence[Values], span: m.Span) -> Values:
    """Call values with positional arguments where no call expression exists (decorators, callbacks)."""
    result: Values = NOTHING
    for callee in sorted(callees, key=repr):
        if isinstance(callee, Foreign):
            hand_over(frame, arguments, span)
            found = called(callee.path)
            result |= {found} if found else NOTHING
        else:
            result |= _enter_own(frame, callee, [(None, values) for values in arguments], span)
    return result


def entered(frame: Frame, managers: Values, span: m.Span) -> Values:
    """Return what ``with`` binds: a foreign manager is taken to give itself, an own one its ``__enter__``."""
    result: Values = NOTHING
    for manager in managers:
        if isinstance(manager, Instance):
            for name in ("__enter__", "__aenter__", "__exit__", "__aexit__"):
                method = attribute(frame, manager.key, name, through_class=False)
                result |= call_values(frame, method, [], span) if name.endswith("enter__") else NOTHING
                _edges(frame, method, span)
        else:
            result |= {manager}
    return result


def _enter(frame: Frame, callee: Value, node: m.Call, arguments: list[Values]) -> Values:
    if isinstance(callee, Foreign):
        return _enter_foreign(frame, callee, node, arguments)
    named = [(argument.keyword, values) for argument, values in zip(node.arguments, arguments, strict=True)]
    return _enter_own(frame, callee, named, node.span)


def _enter_foreign(frame: Frame, callee: Foreign, node: m.Call, arguments: list[Values]) -> Values:
    understood = known.function_call(frame, callee.path, node, arguments)
    if understood is not None:
        return understood
    if callee.path not in LOOKS_ONLY:
        hand_over(frame, arguments, node.span)
    returns = frame.solver.map.returns.get(callee.path)
    if returns is not None:
        return frozenset(Foreign(path) for path in returns) | known.carried_text(callee.path, returns, arguments)
    result = called(callee.path)
    return frozenset({result}) if result else NOTHING


def hand_over(frame: Frame, arguments: Iterable[Values], span: m.Span) -> None:
    """Note that foreign code may call a function and read any attribute of a module it is given."""
    for values in arguments:
        _edges(frame, values, span)
        frame.let_go(values, span)
        for value in values:
            if isinstance(value, Container):
                inside = frame.read(("all", value.site))
                _edges(frame, inside, span)
                frame.let_go(inside, span)


def _edges(frame: Frame, values: Values, span: m.Span) -> None:
    for value in values:
        if isinstance(value, (OwnFunction, Bound)):
            frame.edge(value.unit, span)
        elif isinstance(value, OwnClass):
            construct(frame, value.key, [], span)


Named = list[tuple[str | None, Values]]


def _enter_own(frame: Frame, callee: Value, arguments: Named, span: m.Span) -> Values:
    if isinstance(callee, OwnFunction):
        return _enter_unit(frame, callee.unit, arguments, span)
    if isinstance(callee, Bound):
        unit = frame.solver.units[callee.unit]
        own: Values = frozenset({OwnClass(callee.owner) if unit.kind == "class" else Instance(callee.owner)})
        return _enter_unit(frame, callee.unit, [(None, own), *arguments], span)
    if isinstance(callee, OwnClass):
        return construct(frame, callee.key, arguments, span)
    if isinstance(callee, Instance):
        method = attribute(frame, callee.key, "__call__", through_class=False)
        result: Values = NOTHING
        for value in method:
            if isinstance(value, Bound):
                result |= _enter_own(frame, value, arguments, span)
        return result
    return NOTHING


def construct(frame: Frame, key: str, arguments: Named, span: m.Span) -> Values:
    """Make an object: its initialisers run, those of foreign bases are recorded by name."""
    for name in ("__new__", "__init__", "__post_init__"):
        for value in attribute(frame, key, name, through_class=False):
            if isinstance(value, Bound):
                _enter_own(frame, value, arguments if name != "__post_init__" else [], span)
    for base in lineage(frame, key)[1]:
        frame.refer(base, span)
    return frozenset({Instance(key)})


def _enter_unit(frame: Frame, name: str, arguments: Named, span: m.Span) -> Values:
    unit = frame.solver.units[name]
    frame.edge(name, span)
    _pass(frame, unit, arguments)
    found = frame.read(("return", name))
    if unit.is_generator:
        place = f"generator:{name}"
        frame.write(("item", place, "*"), found)
        frame.write(("all", place), found)
        return found | {Container(place)}
    return found


def _pass(frame: Frame, unit: Unit, arguments: Named) -> None:
    """Bind arguments to parameters; starred arguments reach every parameter they might."""
    positional = [item for item in unit.parameters if item.kind in {"positional-only", "positional"}]
    rest = next((item for item in unit.parameters if item.kind == "*"), None)
    position = 0
    for keyword, values in arguments:
        if keyword is None:
            if position < len(positional):
                frame.write((unit.scope.key, positional[position].name), values)
            elif rest is not None:
                _collect(frame, unit, rest, str(position - len(positional)), values)
            position += 1
        elif keyword in {"*", "**"}:
            _spread(frame, unit, keyword, values, position)
        else:
            _by_keyword(frame, unit, keyword, values)


def _by_keyword(frame: Frame, unit: Unit, keyword: str, values: Values) -> None:
    if any(item.name == keyword for item in unit.parameters):
        frame.write((unit.scope.key, keyword), values)
        return
    rest = next((item for item in unit.parameters if item.kind == "**"), None)
    if rest is not None:
        _collect(frame, unit, rest, keyword, values)


def _collect(frame: Frame, unit: Unit, rest: m.Parameter, key: str, values: Values) -> None:
    place = f"rest:{unit.name}:{rest.name}"
    frame.write(("item", place, key), values)
    frame.write(("all", place), values)
    frame.write((unit.scope.key, rest.name), frozenset({Container(place)}))


def _spread(frame: Frame, unit: Unit, keyword: str, values: Values, position: int) -> None:
    for value in values:
        if not isinstance(value, Container):
            continue
        every = frame.read(("all", value.site))
        for index, parameter in enumerate(unit.parameters):
            if parameter.kind in {"*", "**"}:
                _collect(frame, unit, parameter, "*", every)
            elif keyword == "**":
                exact = frame.read(("item", value.site, parameter.name)) | frame.read(("item", value.site, "*"))
                frame.write((unit.scope.key, parameter.name), exact)
            elif index >= position:
                exact = frame.read(("item", value.site, str(index - position)))
                frame.write((unit.scope.key, parameter.name), exact | frame.read(("item", value.site, "*")))


def _record(
    frame: Frame, node: m.Call, callees: Values, arguments: list[Values], receiver: Values, *, resolved: bool
) -> None:
    record = frame.recording
    if record is None:
        return
    record.calls_seen += 1
    record.calls_resolved += resolved
    foreign = tuple(sorted(value.path for value in callees if isinstance(value, Foreign)))
    if foreign:
        record.calls.append(SeenCall(frame.unit.name, node, frame.module, foreign, tuple(arguments), texts(receiver)))
