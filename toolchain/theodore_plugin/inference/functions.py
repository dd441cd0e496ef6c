"""Functions as values: defining, decorating, and seeding parameters from annotations."""

from __future__ import annotations

import ast

from theodore_plugin.facts import model as m
from theodore_plugin.inference.scopes import Scope, Unit, bound_names
from theodore_plugin.inference.solver import Frame
from theodore_plugin.inference.values import (
    NOTHING,
    Bound,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    Values,
    called,
)

TRANSPARENT = frozenset(
    {
        "abc.abstractmethod",
        "builtins.property",
        "builtins.classmethod",
        "builtins.staticmethod",
        "contextlib.contextmanager",
        "contextlib.asynccontextmanager",
        "functools.cache",
        "functools.cached_property",
        "functools.lru_cache",
        "functools.wraps",
        "typing.override",
        "typing.final",
        "typing.overload",
        "dataclasses.dataclass",
    }
)
"""Decorators whose result behaves like what they decorate."""
_KINDS = {
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "builtins.property": "property",
    "functools.cached_property": "property",
}


def define_function(frame: Frame, node: m.Function) -> Values:
    """Register the unit of a ``def`` and return its (decorated) value."""
    unit = _unit(frame, node)
    for parameter in node.parameters:
        if parameter.default is not None:
            frame.write((unit.scope.key, parameter.name), frame.evaluate(parameter.default))
        if parameter.annotation is not None:
            frame.write((unit.scope.key, parameter.name), from_annotation(frame, parameter.annotation))
    if node.returns is not None:
        frame.write(("return", unit.name), from_annotation(frame, node.returns))
    _seed_self(frame, unit)
    return apply_decorators(frame, node.decorators, frozenset({OwnFunction(unit.name)}))


def define_lambda(frame: Frame, node: m.Lambda) -> Values:
    """Register the unit of a lambda."""
    name = f"{frame.unit.name}.<lambda {node.span.line}:{node.span.column + 1}>"
    bound = frozenset(parameter.name for parameter in node.parameters)
    scope = Scope(name, frame.module, frame.scope, bound)
    unit = frame.solver.add_unit(Unit(name, scope, (), node.span, node.parameters, returned=node.body, kind="lambda"))
    for parameter in node.parameters:
        if parameter.default is not None:
            frame.write((unit.scope.key, parameter.name), frame.evaluate(parameter.default))
    return frozenset({OwnFunction(unit.name)})


def _unit(frame: Frame, node: m.Function) -> Unit:
    prefix = frame.scope.class_key or frame.unit.name
    name = f"{prefix}.{node.name}" if ":" in prefix else f"{prefix}:{node.name}"
    known = frame.solver.units.get(name)
    if known is not None and known.span != node.span:
        name = f"{name}@{node.span.line}"  # defined again: another branch, an overload, a property setter
        known = frame.solver.units.get(name)
    if known is not None:
        return known
    bound, globals_ = bound_names(node.body, node.parameters)
    scope = Scope(name, frame.module, frame.scope, bound, redirects=globals_)
    return frame.solver.add_unit(
        Unit(
            name,
            scope,
            node.body,
            node.span,
            node.parameters,
            node.is_async,
            node.is_generator,
            frame.scope.class_key,
            kind=_kind(frame, node),
        )
    )


def _kind(frame: Frame, node: m.Function) -> str:
    for decorator in node.decorators:
        for value in frame.evaluate(decorator, called=True) if isinstance(decorator, (m.Name, m.Attribute)) else ():
            if isinstance(value, Foreign) and value.path in _KINDS:
                return _KINDS[value.path]
    return "function"


def _seed_self(frame: Frame, unit: Unit) -> None:
    """Make the first parameter of a method an object of its class, whoever calls it."""
    if unit.owner is None or not unit.parameters or unit.kind == "static":
        return
    first = unit.parameters[0].name
    is_class = unit.kind == "class" or unit.name.endswith((".__new__", ".__init_subclass__", ".__class_getitem__"))
    value = OwnClass(unit.owner) if is_class else Instance(unit.owner)
    frame.write((unit.scope.key, first), frozenset({value}))


def apply_decorators(frame: Frame, decorators: tuple[m.Expr, ...], decorated: Values) -> Values:
    """Call decorators from the innermost out; a foreign one may also return what it was given."""
    from theodore_plugin.inference.calls import call_values

    for decorator in reversed(decorators):
        factory = decorator.callee if isinstance(decorator, m.Call) else decorator
        found = frame.evaluate(decorator)
        if isinstance(decorator, m.Call):
            names = {value.path for value in frame.evaluate(factory, called=True) if isinstance(value, Foreign)}
        else:
            names = {value.path for value in found if isinstance(value, Foreign)}
        if names and names <= TRANSPARENT:
            continue
        result = call_values(frame, found, [decorated], decorator.span)
        keeps = not found or any(isinstance(value, Foreign) for value in found)
        decorated = (result | decorated) if keeps else (result or decorated)
    return decorated


def from_annotation(frame: Frame, annotation: m.Expr) -> Values:
    """Objects an annotation promises: of the plugin's classes, or of foreign ones the map knows."""
    run_annotation(frame, annotation)
    found: Values = NOTHING
    for name in _annotated_names(annotation):
        for value in frame.evaluate(name, called=True):
            if isinstance(value, OwnClass):
                found |= {Instance(value.key)}
            elif isinstance(value, Foreign) and frame.solver.map.library(value.path) is not None:
                result = called(value.path)
                found |= {result} if result else NOTHING
    return found


def run_annotation(frame: Frame, annotation: m.Expr) -> None:
    """Evaluate what an annotation does beyond naming types: it is code that runs where it stands.

    Names of types are not evaluated, since saying what something is does not hold it.
    """
    if isinstance(annotation, m.Attribute):
        run_annotation(frame, annotation.value)
    elif isinstance(annotation, m.Binary):
        run_annotation(frame, annotation.left)
        run_annotation(frame, annotation.right)
    elif isinstance(annotation, m.Subscript):
        run_annotation(frame, annotation.value)
        run_annotation(frame, annotation.index)
    elif isinstance(annotation, m.Sequence):
        for item in annotation.items:
            run_annotation(frame, item)
    elif isinstance(annotation, m.Constant):
        _run_text(frame, annotation)
    elif not isinstance(annotation, m.Name):
        frame.evaluate(annotation)


def _run_text(frame: Frame, annotation: m.Constant) -> None:
    """Treat a call in a quoted annotation as an ``eval``: the standard library evaluates such texts in many places."""
    if not isinstance(annotation.value, str) or "(" not in annotation.value:
        return
    try:
        tree = ast.parse(annotation.value.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _does_something(frame, ast.unparse(node.func), annotation.span):
            frame.refer("builtins.eval", annotation.span)


def _does_something(frame: Frame, callee: str, span: m.Span) -> bool:
    """Whether a callee in a quoted annotation is more than a plain name without effects."""
    names = _from_text(callee, span)
    values = [value for name in names for value in frame.evaluate(name, called=True)]
    return not names or any(isinstance(value, Foreign) and frame.solver.map.of_call(value.path) for value in values)


_WRAPPERS = frozenset({"Optional", "Union", "Annotated", "Final", "ClassVar", "Awaitable"})


def _annotated_names(annotation: m.Expr) -> list[m.Name | m.Attribute]:
    if isinstance(annotation, (m.Name, m.Attribute)):
        return [annotation]
    if isinstance(annotation, m.Binary) and annotation.operator == "BitOr":
        return _annotated_names(annotation.left) + _annotated_names(annotation.right)
    if isinstance(annotation, m.Constant) and isinstance(annotation.value, str):
        return _from_text(annotation.value, annotation.span)
    if isinstance(annotation, m.Subscript) and (m.dotted(annotation.value) or "").rpartition(".")[2] in _WRAPPERS:
        index = annotation.index
        items = index.items if isinstance(index, m.Sequence) else (index,)
        return [name for item in items for name in _annotated_names(item)]
    return []


def _from_text(text: str, span: m.Span) -> list[m.Name | m.Attribute]:
    """Names in a quoted annotation such as ``"httpx.AsyncClient | None"``."""
    found: list[m.Name | m.Attribute] = []
    for option in text.split("|"):
        parts = option.strip().split(".")
        if not all(part.isidentifier() for part in parts):
            continue
        expression: m.Name | m.Attribute = m.Name(parts[0], span)
        for part in parts[1:]:
            expression = m.Attribute(expression, part, span)
        found.append(expression)
    return found


def bound_method(unit: Unit, owner: str, through_class: bool) -> Values:
    """Return what reading a method through an object (or its class) gives."""
    if unit.kind == "static" or (through_class and unit.kind != "class"):
        return frozenset({OwnFunction(unit.name)})
    return frozenset({Bound(unit.name, owner)})
