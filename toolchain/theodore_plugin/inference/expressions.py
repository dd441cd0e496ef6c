"""Evaluate expressions to sets of abstract values."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.inference.attributes import PATH, module_items, namespace_item, note_held, read_attributes
from theodore_plugin.inference.binding import assign
from theodore_plugin.inference.calls import call
from theodore_plugin.inference.containers import (
    ANY,
    at,
    everything,
    keys_of,
    position_key,
    site,
    sliced,
    store,
)
from theodore_plugin.inference.entering import call_method, iterated
from theodore_plugin.inference.escapes import note_travelling
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.functions import define_lambda
from theodore_plugin.inference.record import COMPUTED
from theodore_plugin.inference.reflection import enclosing_method
from theodore_plugin.inference.scopes import Scope, bound_names
from theodore_plugin.inference.shadowing import is_bound_before, unmangled
from theodore_plugin.inference.texts import percent
from theodore_plugin.inference.values import (
    NOTHING,
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnModule,
    Text,
    Value,
    Values,
    joined,
    ordered,
    texts,
)


def evaluate(frame: Frame, expression: m.Expr, called: bool = False) -> Values:
    """Evaluate an expression; unless it is a callee, holding something with an effect is noted."""
    kind = type(expression)
    if kind is m.Name or kind is m.Attribute:
        found = _name(frame, expression) if kind is m.Name else _attribute(frame, expression)
        if not called:
            _note(frame, found, expression.span)
        return found
    return _HANDLERS[kind](frame, expression)


def _note(frame: Frame, found: Values, span: m.Span) -> None:
    for value in found:
        kind = type(value)
        if kind is OwnModule:
            note_travelling(frame, value)
        elif kind is Foreign and frame.solver.is_noteworthy(value.key):
            note_travelling(frame, value)
            # getattr passed on as a value picks attributes where nobody sees which
            frame.refer(COMPUTED if value.key == "builtins.getattr" else value.key, span)


def _name(frame: Frame, node: Any) -> Values:
    scope = frame.scope.find(node.id)
    if scope is None:
        return _implicit(frame, node.id)
    if scope.class_key:
        return _class_name(frame, scope, node)
    found = frame.read((scope.key, node.id))
    if scope.parent is not None or (found and not _may_be_builtin(frame, scope, node)) or frame.solver.is_early():
        return found
    return found | _implicit(frame, node.id)


def _class_name(frame: Frame, scope: Scope, node: m.Name) -> Values:
    """Read a name in a class body: what the class has not bound yet is found outside."""
    found = frame.read(("attribute", str(scope.class_key), unmangled(node.id)))
    if is_bound_before(frame.solver, scope, node) or scope.parent is None:
        return found
    return found | _name(frame.within(scope.parent), node)


def _may_be_builtin(frame: Frame, scope: Scope, node: m.Name) -> bool:
    """Whether a builtin with an effect may still stand behind a name of the module."""
    if not frame.solver.map.explicit(f"builtins.{node.id}"):
        return False
    return not is_bound_before(frame.solver, scope, node)


def _implicit(frame: Frame, name: str) -> Values:
    """Evaluate a name nothing here binds: star-imported, a builtin, or a library whose import was forgotten."""
    solver = frame.solver
    outermost = frame.scope.outermost.key
    if solver.names.stars(outermost):
        starred = solver.lookup_global(outermost, name)
        if (starred and not solver.map.explicit(f"builtins.{name}")) or solver.is_early():
            return starred
    else:
        starred = NOTHING
    forgotten = not hasattr(builtins, name) and name in solver.map.libraries
    path = solver.map.canonical(name if forgotten else f"builtins.{name}")
    text = solver.map.values.get(path)
    return starred | (_own_place(frame, name) or frozenset({Foreign(path)} if text is None else {Text(text)}))


def _own_place(frame: Frame, name: str) -> Values:
    """Return what code knows of where it stands: its module's name, the class around it, its mangled globals."""
    if name == "__name__":
        return frozenset({Text(frame.module.module or "")})
    if name == "__package__":
        module = frame.module.module or ""
        return frozenset({Text(module if frame.module.is_package else module.rpartition(".")[0])})
    if name == "__class__":
        owner = enclosing_method(frame)
        return frozenset({OwnClass(owner.owner)}) if owner is not None and owner.owner else NOTHING
    outermost = frame.scope.outermost
    mangled = [bound for bound in outermost.bound if bound != name and unmangled(bound) == name]
    return NOTHING.union(*(frame.read((outermost.key, bound)) for bound in mangled))


def _attribute(frame: Frame, node: Any) -> Values:
    return read_attributes(frame, evaluate(frame, node.value, called=True), node.attr, node.value.span)


def _constant(_frame: Frame, node: m.Constant) -> Values:
    return frozenset({Text(node.value)}) if type(node.value) is str else NOTHING


def _formatted(frame: Frame, node: m.FormattedString) -> Values:
    return joined([texts(evaluate(frame, part)) for part in node.parts])


_OPERATORS = {
    "Add": "__add__",
    "Subtract": "__sub__",
    "Multiply": "__mul__",
    "Divide": "__truediv__",
    "FloorDivide": "__floordiv__",
    "Modulo": "__mod__",
    "Power": "__pow__",
    "MatrixMultiply": "__matmul__",
    "BitOr": "__or__",
    "BitAnd": "__and__",
    "BitXor": "__xor__",
    "LeftShift": "__lshift__",
    "RightShift": "__rshift__",
}


def _binary(frame: Frame, node: m.Binary) -> Values:
    left, right = evaluate(frame, node.left), evaluate(frame, node.right)
    found = _overloaded(frame, node, left, right)
    if node.operator == "Divide" and (PATH in left or PATH in right):
        return found | joined([texts(left), texts(right)], "/") | {PATH}
    if node.operator == "Add":
        combined = joined([texts(left), texts(right)]) if texts(left) or texts(right) else NOTHING
        return found | combined | frozenset(value for value in left | right if type(value) is Container)
    if node.operator == "Modulo" and texts(left):
        return found | frozenset(Text(percent(text)) for text in texts(left))
    return found | left | right if node.operator == "BitOr" else found


def _overloaded(frame: Frame, node: m.Binary, left: Values, right: Values) -> Values:
    """Return what an own class's operator method gives."""
    name = _OPERATORS.get(node.operator)
    found: Values = NOTHING
    for mine, other, method in ((left, right, name), (right, left, name and f"__r{name[2:]}")):
        for value in ordered(mine):
            if isinstance(value, Instance) and method is not None:
                found |= call_method(frame, value.key, method, [(None, other)], node.span)
    return found


def _unary(frame: Frame, node: m.Unary) -> Values:
    evaluate(frame, node.operand)
    return NOTHING


def _choice(frame: Frame, node: m.Choice) -> Values:
    for test in node.tests:
        evaluate(frame, test)
    found: Values = NOTHING
    for option in node.options:
        found |= evaluate(frame, option)
    return found


def _sequence(frame: Frame, node: m.Sequence) -> Values:
    place = site(frame, node)
    for position, item in enumerate(node.items):
        if isinstance(item, m.Starred):
            store(frame, place, ANY, iterated(frame, evaluate(frame, item.value), item.span))
        else:
            found = evaluate(frame, item)
            if found:
                store(frame, place, position_key(position), found)
    return frozenset({Container(place)})


def _starred(frame: Frame, node: m.Starred) -> Values:
    return evaluate(frame, node.value)


def _mapping(frame: Frame, node: m.Mapping) -> Values:
    place = site(frame, node)
    for key, value in node.items:
        found = evaluate(frame, value)
        if key is None:
            frame.let_go(found, value.span)
            store(frame, place, ANY, everything(frame, found))
            continue
        keys = keys_of(evaluate(frame, key), key)
        for name in keys or (ANY,):
            store(frame, place, name, found)
    return frozenset({Container(place)})


def _subscript(frame: Frame, node: m.Subscript) -> Values:
    index = evaluate(frame, node.index)
    is_reference = isinstance(node.value, (m.Name, m.Attribute))
    found: Values = NOTHING
    for base in ordered(evaluate(frame, node.value, called=is_reference)):
        found |= _item(frame, node, base, index)
    return found


def _item(frame: Frame, node: m.Subscript, base: Value, index: Values) -> Values:
    if type(base) is Container:
        if isinstance(node.index, m.Opaque):  # a slice
            return sliced(frame, site(frame, node), base, node.index)
        return at(frame, base, keys_of(index, node.index))
    if type(base) is Foreign:
        return _foreign_item(frame, node, base, index)
    if isinstance(base, Instance):
        return call_method(frame, base.key, "__getitem__", [(None, index)], node.span)
    return frozenset({base}) if isinstance(base, (OwnClass, OwnModule)) else NOTHING


def _foreign_item(frame: Frame, node: m.Subscript, base: Foreign, index: Values) -> Values:
    if base.key == "sys.modules":
        return module_items(frame, index, node.value.span)
    if base.key == "builtins" or base.key.endswith(".__dict__"):
        return namespace_item(frame, base.key, index, node.value.span)
    frame.refer(base.key, node.value.span, texts(index))
    if not frame.solver.leads_on(base.key):
        return frozenset({base})
    return frozenset({base if base.key.endswith("[]") else Foreign(f"{base.key}[]")})


def _comprehension(frame: Frame, node: m.Comprehension) -> Values:
    place = site(frame, node)
    bound, _ = bound_names(node.clauses)
    inner = frame.within(Scope(f"{frame.scope.key}<{place}>", frame.module, frame.scope, bound))
    for clause in node.clauses:
        assign(inner, clause.target, iterated(inner, evaluate(inner, clause.iterable), clause.span))
        for test in clause.tests:
            evaluate(inner, test)
    if len(node.elements) == 2:
        evaluate(inner, node.elements[0])
    store(frame, place, ANY, evaluate(inner, node.elements[-1]))
    return frozenset({Container(place)})


def _await(frame: Frame, node: m.Await) -> Values:
    found = evaluate(frame, node.value)
    for value in ordered(found):
        if isinstance(value, Instance):
            awaited = call_method(frame, value.key, "__await__", (), node.span)
            found |= awaited | everything(frame, awaited)
    return found


def _yield(frame: Frame, node: m.Yield) -> Values:
    if node.value is None:
        return NOTHING
    found = evaluate(frame, node.value)
    if node.delegates:
        frame.write(("yield", frame.unit.name), iterated(frame, found, node.span))
        return found - frozenset(value for value in found if type(value) is Container)
    frame.write(("yield", frame.unit.name), found)
    return NOTHING


def _named(frame: Frame, node: m.NamedExpr) -> Values:
    found = evaluate(frame, node.value)
    assign(frame, node.target, found)
    return found


def _opaque(frame: Frame, node: m.Opaque) -> Values:
    if node.kind == "Comparison":
        return _comparison(frame, node)
    for child in node.children:
        evaluate(frame, child)
    return NOTHING


def _comparison(frame: Frame, node: m.Opaque) -> Values:
    """Compare; a module compared with an object of an own class travels into its method."""
    found = [evaluate(frame, child, called=True) for child in node.children]
    is_overloaded = any(isinstance(value, Instance) for values in found for value in values)
    for child, values in zip(node.children, found, strict=True):
        if is_overloaded:
            _note(frame, values, child.span)
        else:
            note_held(frame, values, child.span)
    return NOTHING


_HANDLERS: dict[type, Callable[[Frame, Any], Values]] = {
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
    m.Lambda: define_lambda,
    m.Comprehension: _comprehension,
    m.Await: _await,
    m.Yield: _yield,
    m.NamedExpr: _named,
    m.Opaque: _opaque,
}
