"""Evaluate expressions to sets of abstract values."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.inference.builtins import PATH, module_items, parents
from theodore_plugin.inference.calls import call
from theodore_plugin.inference.classes import attribute
from theodore_plugin.inference.functions import define_lambda
from theodore_plugin.inference.scopes import Scope, bound_names
from theodore_plugin.inference.solver import COMPUTED, Frame
from theodore_plugin.inference.values import (
    NOTHING,
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnModule,
    Parent,
    Text,
    Values,
    joined,
    texts,
)


def evaluate_reference(frame: Frame, node: m.Name | m.Attribute, called: bool) -> Values:
    """Evaluate a name or attribute; unless it is a callee, holding something with an effect is noted."""
    found = _name(frame, node) if isinstance(node, m.Name) else _attribute(frame, node)
    if not called:
        for value in found:
            if isinstance(value, Foreign):
                # getattr passed on as a value picks attributes where nobody sees which
                frame.refer(COMPUTED if value.path == "builtins.getattr" else value.path, node.span)
    return found


def _name(frame: Frame, node: m.Name) -> Values:
    scope = frame.scope.find(node.id)
    if scope is not None:
        key = ("attribute", scope.class_key, node.id) if scope.class_key else (scope.key, node.id)
        found = frame.read(key)
        return found if scope.parent is not None or found else found | _implicit(frame, node.id)
    return _implicit(frame, node.id)


def _implicit(frame: Frame, name: str) -> Values:
    """Evaluate a name nothing here binds: star-imported, a builtin, or a library whose import was forgotten."""
    starred = frame.solver.lookup_global(frame.scope.outermost.key, name, frame.unit.name)
    if starred:
        return starred
    forgotten = not hasattr(builtins, name) and name in frame.solver.map.libraries
    path = frame.solver.map.canonical(name if forgotten else f"builtins.{name}")
    text = frame.solver.map.values.get(path)
    return frozenset({Foreign(path)} if text is None else {Text(text)})


def _attribute(frame: Frame, node: m.Attribute) -> Values:
    found: Values = NOTHING
    bases = frame.evaluate(node.value, called=True)
    if node.attr == "parent" and PATH in bases:
        return parents(bases) | {PATH}
    for base in bases:
        found |= read_attribute(frame, base, node.attr, node.value.span)
    return found


def read_attribute(frame: Frame, base: Any, name: str, span: m.Span) -> Values:
    """Read an attribute of one value."""
    if isinstance(base, Foreign):
        return _foreign_attribute(frame, base, name, span)
    if isinstance(base, OwnModule):
        return frame.solver.module_member(base.name, name, frame.unit.name)
    if isinstance(base, Instance):
        return attribute(frame, base.key, name, through_class=False)
    if isinstance(base, OwnClass):
        return attribute(frame, base.key, name, through_class=True)
    if isinstance(base, Parent):
        return attribute(frame, base.key, name, through_class=False, above=True)
    return NOTHING


def _foreign_attribute(frame: Frame, base: Foreign, name: str, span: m.Span) -> Values:
    path = frame.solver.map.canonical(f"{base.path}.{name}")
    _reflect(frame, base, name, span)
    text = frame.solver.map.values.get(path)
    if text is not None:
        return frozenset({Text(text), Foreign("pathlib.Path()")})
    if not frame.solver.map.explicit(path) and path not in frame.solver.map.safe:
        frame.refer(base.path, span)  # os.environ.keys(): what is used is os.environ
    return frozenset({Foreign(path)})


def _reflect(frame: Frame, base: Foreign, name: str, span: m.Span) -> None:
    """Note ways to a module's attributes that name none of them: all of its namespace, or its own look-up."""
    whole = base.path == "sys.modules" or base.path.endswith(".__dict__")
    if whole and name in {"values", "items", "copy", "popitem"}:
        frame.refer(COMPUTED, span)
    if name in {"__getattribute__", "__getattr__"}:
        frame.let_go(frozenset({base}), span)


def _constant(_frame: Frame, node: m.Constant) -> Values:
    return frozenset({Text(node.value)}) if isinstance(node.value, str) else NOTHING


def _formatted(frame: Frame, node: m.FormattedString) -> Values:
    return joined([texts(frame.evaluate(part)) for part in node.parts])


def _binary(frame: Frame, node: m.Binary) -> Values:
    left, right = frame.evaluate(node.left), frame.evaluate(node.right)
    if node.operator == "Divide" and Foreign("pathlib.Path()") in left | right:
        return joined([texts(left), texts(right)], "/") | {Foreign("pathlib.Path()")}
    if node.operator == "Add":
        combined = joined([texts(left), texts(right)]) if texts(left) or texts(right) else NOTHING
        return combined | frozenset(value for value in left | right if isinstance(value, Container))
    if node.operator == "Modulo" and texts(left):
        return frozenset(Text(_percent(text)) for text in texts(left))
    return left | right if node.operator == "BitOr" else NOTHING


def _percent(text: str) -> str:
    """Turn ``%``-formatting into holes."""
    out, escaped = [], False
    pieces = iter(text)
    for character in pieces:
        if character != "%":
            out.append(character)
            continue
        escaped = next(pieces, "") == "%"
        out.append("%" if escaped else "{*}")
    return "".join(out)


def _unary(frame: Frame, node: m.Unary) -> Values:
    frame.evaluate(node.operand)
    return NOTHING


def _choice(frame: Frame, node: m.Choice) -> Values:
    for test in node.tests:
        frame.evaluate(test)
    found: Values = NOTHING
    for option in node.options:
        found |= frame.evaluate(option)
    return found


def site(frame: Frame, node: m.Node) -> str:
    """Name the place that makes a container."""
    return f"{frame.module.path}:{node.span.line}:{node.span.column}:{type(node).__name__}"


def _sequence(frame: Frame, node: m.Sequence) -> Values:
    from theodore_plugin.inference.statements import elements

    place = site(frame, node)
    for position, item in enumerate(node.items):
        if isinstance(item, m.Starred):
            found = elements(frame, frame.evaluate(item.value))
            store(frame, place, "*", found)
        else:
            store(frame, place, str(position), frame.evaluate(item))
    return frozenset({Container(place)})


def store(frame: Frame, place: str, key: str, values: Values) -> None:
    """Put values into a container under a constant key, or ``*``."""
    frame.write(("item", place, key), values)
    frame.write(("all", place), values)


def _starred(frame: Frame, node: m.Starred) -> Values:
    return frame.evaluate(node.value)


def _mapping(frame: Frame, node: m.Mapping) -> Values:
    place = site(frame, node)
    for key, value in node.items:
        found = frame.evaluate(value)
        if key is None:
            for other in found:
                if isinstance(other, Container):
                    store(frame, place, "*", frame.read(("all", other.site)))
            continue
        names = texts(frame.evaluate(key))
        store(frame, place, names[0] if len(names) == 1 else "*", found)
    return frozenset({Container(place)})


def _subscript(frame: Frame, node: m.Subscript) -> Values:
    index = frame.evaluate(node.index)
    found: Values = NOTHING
    for base in frame.evaluate(node.value, called=True) if _is_reference(node.value) else frame.evaluate(node.value):
        if isinstance(base, Container):
            found |= items(frame, base, index, node.index)
        elif base == Foreign("sys.modules"):
            found |= module_items(frame, index)
        elif isinstance(base, Foreign) and (base.path == "builtins" or base.path.endswith(".__dict__")):
            found |= namespace_item(frame, base, index, node.value.span)
        elif isinstance(base, Foreign):
            frame.refer(base.path, node.value.span, texts(index))
            found |= frozenset({Foreign(f"{base.path}[]")}) if not base.path.endswith("[]") else {base}
    return found


def namespace_item(frame: Frame, namespace: Foreign, index: Values, span: m.Span) -> Values:
    """Read ``module.__dict__[name]``, which is ``module.name``."""
    owner = Foreign(namespace.path.removesuffix(".__dict__"))
    names = [name for name in texts(index) if "{*}" not in name]
    if not names:
        frame.choose_at_run_time(owner, span)
    found: Values = NOTHING
    for name in names:
        found |= read_attribute(frame, owner, name, span)
    for value in found:
        if isinstance(value, Foreign):
            frame.refer(value.path, span)
    return found


def items(frame: Frame, container: Container, index: Values, node: m.Expr | None = None) -> Values:
    """Read a container by key: the constant's item where the key is constant, everything otherwise."""
    keys = list(texts(index))
    if isinstance(node, m.Constant) and isinstance(node.value, int):
        keys = [str(node.value)]
    if not keys or "{*}" in "".join(keys):
        return frame.read(("all", container.site))
    found = frame.read(("item", container.site, "*"))
    for key in keys:
        found |= frame.read(("item", container.site, key))
    return found


def _is_reference(node: m.Expr) -> bool:
    return isinstance(node, (m.Name, m.Attribute))


def _lambda(frame: Frame, node: m.Lambda) -> Values:
    return define_lambda(frame, node)


def _comprehension(frame: Frame, node: m.Comprehension) -> Values:
    from theodore_plugin.inference.statements import assign, elements

    bound, _ = bound_names(node.clauses)
    inner = frame.within(Scope(f"{frame.scope.key}<{site(frame, node)}>", frame.module, frame.scope, bound))
    for clause in node.clauses:
        assign(inner, clause.target, elements(inner, inner.evaluate(clause.iterable)))
        for test in clause.tests:
            inner.evaluate(test)
    place = site(frame, node)
    for element in node.elements:
        store(frame, place, "*", inner.evaluate(element))
    return frozenset({Container(place)})


def _await(frame: Frame, node: m.Await) -> Values:
    return frame.evaluate(node.value)


def _yield(frame: Frame, node: m.Yield) -> Values:
    if node.value is not None:
        frame.write(("return", frame.unit.name), frame.evaluate(node.value))
    return NOTHING


def _named(frame: Frame, node: m.NamedExpr) -> Values:
    from theodore_plugin.inference.statements import assign

    found = frame.evaluate(node.value)
    assign(frame, node.target, found)
    return found


def _opaque(frame: Frame, node: m.Opaque) -> Values:
    for child in node.children:
        frame.evaluate(child)
    return NOTHING


HANDLERS: dict[type, Callable[[Frame, Any], Values]] = {
    m.Constant: _constant,
    m.FormattedString: _formatted,
    m.Call: call,
    m.Binary: _binary,
    m.Unary: _unary,
    m.Choice: _choice,
    m.Sequence: _sequence,
    m.Starred: _starred,
    m.Mapping: _mapping,
    m.Subscript: _subscript,
    m.Lambda: _lambda,
    m.Comprehension: _comprehension,
    m.Await: _await,
    m.Yield: _yield,
    m.NamedExpr: _named,
    m.Opaque: _opaque,
}
