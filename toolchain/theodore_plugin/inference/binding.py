"""Binding: names, attributes, items and patterns of them."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.inference.attributes import note_held
from theodore_plugin.inference.containers import ANY, everything, keys_of, part, position_key, store
from theodore_plugin.inference.entering import call_method, enter
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.shadowing import unmangled
from theodore_plugin.inference.values import (
    NOTHING,
    Bound,
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

NAMESPACES = ("globals:", "namespace:")
"""How the places of containers begin that stand for the names of a module, function or object."""


def bind(frame: Frame, name: str, values: Values) -> None:
    """Bind a name where the scope rules put it."""
    scope = frame.scope.find(name) or frame.scope
    if scope.class_key:
        keep(frame, scope.class_key, name, values)
    else:
        frame.solver.write_name((scope.key, name), values)


def keep(frame: Frame, key: str, name: str, values: Values) -> None:
    """Write an attribute of a class; modules among the values are also found by a name chosen at run time."""
    frame.write(("attribute", key, unmangled(name)), values)
    frame.solver.attributes.setdefault(key, {})[unmangled(name)] = None
    for value in values:
        if type(value) is Foreign and frame.solver.map.is_module(value.key):
            frame.write(("every", key), frozenset({value}))


def assign(frame: Frame, target: m.Expr, values: Values) -> None:
    """Assign values to any kind of target."""
    if isinstance(target, m.Name):
        bind(frame, target.id, values)
    elif isinstance(target, m.Attribute):
        _assign_attribute(frame, target, values)
    elif isinstance(target, m.Sequence):
        _unpack(frame, target, values)
    elif isinstance(target, m.Starred):
        assign(frame, target.value, values)
    elif isinstance(target, m.Subscript):
        _assign_item(frame, target, values)


def changed(frame: Frame, node: m.Expr) -> Values:
    """Evaluate what an attribute or item is set on or deleted from; a module does not travel by that."""
    found = frame.evaluate(node, called=True)
    note_held(frame, found, node.span)
    return found


def _assign_item(frame: Frame, target: m.Subscript, values: Values) -> None:
    keys = keys_of(frame.evaluate(target.index), target.index)
    if isinstance(target.index, m.Opaque):  # a slice is given the items of what is assigned
        values |= everything(frame, values)
    for base in ordered(changed(frame, target.value)):
        if type(base) is Container:
            if base.key.startswith(NAMESPACES):
                frame.let_go(values, target.span)
            for key in keys or (ANY,):
                store(frame, base.key, key, values)
        elif isinstance(base, Instance):
            call_method(frame, base.key, "__setitem__", [(None, NOTHING), (None, values)], target.span)


def _assign_attribute(frame: Frame, target: m.Attribute, values: Values) -> None:
    bases = changed(frame, target.value)
    if not any(isinstance(base, (Instance, OwnClass, OwnModule)) for base in bases) and not frame.solver.is_early():
        frame.let_go(values, target.span)
    for base in ordered(bases):
        set_attribute(frame, base, target.attr, values, target.span)


def set_attribute(frame: Frame, base: Value, name: str, values: Values, span: m.Span) -> None:
    """Set an attribute of one value; a property's setter runs."""
    if isinstance(base, (Instance, OwnClass)):
        _run_setters(frame, base, name, values, span)
        keep(frame, base.key, name, values)
    elif isinstance(base, OwnModule):
        frame.write((base.key, name), values)
    elif isinstance(base, (OwnFunction, Bound)):
        frame.write(("of function", base.key, name), values)


def _run_setters(frame: Frame, base: Value, name: str, values: Values, span: m.Span) -> None:
    for value in ordered(frame.read(("attribute", base.key, unmangled(name)))):
        unit = frame.solver.units.get(value.key) if isinstance(value, OwnFunction) else None
        if unit is not None and unit.kind == "setter":
            enter(frame, Bound(unit.name, base.key), [(None, values)], span)


def _unpack(frame: Frame, target: m.Sequence, values: Values) -> None:
    starred = next((index for index, item in enumerate(target.items) if isinstance(item, m.Starred)), None)
    for position, item in enumerate(target.items):
        if starred is None or position < starred:
            assign(frame, item, part(frame, values, position))
        elif isinstance(item, m.Starred):
            place = f"{frame.module.path}:{item.span.line}:{item.span.column}:rest"
            store(frame, place, ANY, everything(frame, values))
            for index in range(position, position + 8):
                found = part(frame, values, index)
                if found:
                    store(frame, place, position_key(index - position), found)
            assign(frame, item.value, frozenset({Container(place)}))
        else:
            assign(frame, item, everything(frame, values) | part(frame, values, position))
