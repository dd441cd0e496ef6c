"""Evaluate call expressions: own code is entered, foreign names are recorded, a few builtins are understood."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.inference import builtins as known
from theodore_plugin.inference import texts as strings
from theodore_plugin.inference.attributes import note_held, read_attributes
from theodore_plugin.inference.binding import NAMESPACES
from theodore_plugin.inference.containers import ANY, at, keys_of, position_key, store
from theodore_plugin.inference.entering import enter, hand_over, result_of
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.record import SeenCall
from theodore_plugin.inference.transparent import TRANSPARENT
from theodore_plugin.inference.values import NOTHING, Container, Foreign, Values, ordered

LOOKS_ONLY = (
    frozenset(f"builtins.{name}" for name in ("bool", "callable", "hasattr", "id", "isinstance", "issubclass", "print"))
    | frozenset(f"inspect.{name}" for name in ("isclass", "iscoroutinefunction", "isfunction", "signature"))
    | frozenset({"functools.update_wrapper", "asyncio.iscoroutinefunction"})
    | TRANSPARENT - {"builtins.property"}
)
"""Functions that neither call what they are given nor give it away."""
_LOOKS_AT_FIRST = (LOOKS_ONLY - {"builtins.isinstance", "builtins.issubclass"}) | {
    "builtins.getattr",
    "builtins.dir",
    "inspect.getattr_static",
}
"""Functions whose first argument goes nowhere that is not followed."""


def call(frame: Frame, node: m.Call) -> Values:
    """Evaluate a call expression."""
    callee = node.callee
    if isinstance(callee, m.Attribute):  # evaluated once: chains of calls would double with every link
        receiver = frame.evaluate(callee.value, called=True)
        callees = read_attributes(frame, receiver, callee.attr, callee.value.span)
    else:
        receiver, callees = NOTHING, frame.evaluate(callee, called=True)
    arguments = _arguments(frame, node, callees)
    special = _method(frame, node, callee.attr, receiver, arguments) if isinstance(callee, m.Attribute) else None
    result: Values = special or NOTHING
    named = [(argument.keyword, values) for argument, values in zip(node.arguments, arguments, strict=True)]
    for value in ordered(callees):
        if type(value) is Foreign:
            result |= _enter_foreign(frame, value, node, arguments)
        else:
            result |= enter(frame, value, named, node.span)
    resolved = bool(callees) or special is not None
    foreign = tuple(sorted(value.key for value in callees if type(value) is Foreign))
    frame.solver.record.calls[id(node)] = SeenCall(
        frame.unit.name, node, frame.module, foreign, tuple(arguments), receiver, resolved
    )
    return result


def _arguments(frame: Frame, node: m.Call, callees: Values) -> list[Values]:
    """Evaluate arguments; what a function only looks at does not travel."""
    looks = bool(callees) and all(type(value) is Foreign and value.key in _LOOKS_AT_FIRST for value in callees)
    found: list[Values] = []
    for index, argument in enumerate(node.arguments):
        is_looked_at = looks and index == 0
        found.append(frame.evaluate(argument.value, called=is_looked_at))
        if is_looked_at:
            note_held(frame, found[-1], argument.value.span)
    return found


def _enter_foreign(frame: Frame, callee: Foreign, node: m.Call, arguments: list[Values]) -> Values:
    understood = known.function_call(frame, callee.key, node, arguments)
    if understood is not None:
        return understood
    if callee.key not in LOOKS_ONLY:
        hand_over(frame, arguments, node.span)
    returns = frame.solver.map.returns.get(callee.key)
    if returns is not None:
        return frozenset(Foreign(path) for path in returns) | strings.carried(callee.key, returns, arguments)
    return result_of(frame, callee.key)


def _method(frame: Frame, node: m.Call, name: str, receiver: Values, arguments: list[Values]) -> Values | None:
    """Return the result of a method on strings or containers, or ``None`` when the receiver holds neither."""
    containers = [value for value in ordered(receiver) if isinstance(value, Container)]
    if containers:
        found: Values = NOTHING
        for container in containers:
            found |= _of_container(frame, container, name, node, arguments)
        return found
    return strings.method(frame, node, name, receiver, arguments)


_ADDS_LAST = frozenset({"append", "add", "insert", "appendleft", "put", "put_nowait"})
_ADDS_ALL = frozenset({"extend", "update", "extendleft", "union"})
_TAKES = frozenset({"pop", "popitem", "setdefault", "__getitem__", "popleft", "get_nowait", "__next__"})
_KEEPS = frozenset({"values", "copy", "keys", "union", "__iter__", "difference", "intersection"})


def _of_container(frame: Frame, container: Container, name: str, node: m.Call, arguments: list[Values]) -> Values:
    if name in _ADDS_LAST and arguments:
        store(frame, container.key, ANY, arguments[-1])
    elif name == "setdefault" and len(arguments) > 1:
        store(frame, container.key, ANY, arguments[1])
    elif name in _ADDS_ALL:
        _merge(frame, container, node, arguments)
    elif name in {"send", "throw"}:
        for values in arguments:
            frame.let_go(values, node.span)
    return _taken(frame, container, name, arguments)


def _taken(frame: Frame, container: Container, name: str, arguments: list[Values]) -> Values:
    if name == "get" and arguments:
        default = arguments[1] if len(arguments) > 1 else NOTHING
        return at(frame, container, keys_of(arguments[0])) | default
    if name in _TAKES or (name == "get" and not arguments):
        return frame.read(("all", container.key))
    if name == "items":
        return _pairs(frame, container)
    return frozenset({container}) if name in _KEEPS else NOTHING


def _pairs(frame: Frame, container: Container) -> Values:
    """Return the pairs of a dict; iterating over what is no dict after all still gives its items."""
    place = f"{container.key}.items"
    inside = frame.read(("all", container.key))
    store(frame, f"{place}.pair", position_key(1), inside)
    store(frame, place, ANY, inside | {Container(f"{place}.pair")})
    return frozenset({Container(place)})


def _merge(frame: Frame, container: Container, node: m.Call, arguments: list[Values]) -> None:
    for argument, values in zip(node.arguments, arguments, strict=True):
        if container.key.startswith(NAMESPACES):
            frame.let_go(values, node.span)
        if argument.keyword not in {None, "*", "**"}:
            store(frame, container.key, str(argument.keyword), values)
            continue
        for value in ordered(values):
            inside = frame.read(("all", value.key)) if isinstance(value, Container) else frozenset({value})
            store(frame, container.key, ANY, inside)
