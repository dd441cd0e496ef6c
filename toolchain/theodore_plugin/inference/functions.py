"""Functions as values: defining and decorating them, and seeding their parameters."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.inference.annotations import from_annotation
from theodore_plugin.inference.classes import qualified
from theodore_plugin.inference.entering import call_values
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.scopes import Scope, Unit, bound_names
from theodore_plugin.inference.transparent import TRANSPARENT
from theodore_plugin.inference.values import PLAIN, Foreign, OwnClass, OwnFunction, Values

_KINDS = {
    "builtins.staticmethod": "static",
    "builtins.classmethod": "class",
    "builtins.property": "property",
    "functools.cached_property": "property",
}
_ACCESSORS = frozenset({"setter", "deleter"})
_TAKES_CLASS = (".__new__", ".__init_subclass__", ".__class_getitem__")


def define_function(frame: Frame, node: m.Function) -> Values:
    """Register the unit of a ``def`` and return its (decorated) value."""
    unit = _unit(frame, node)
    for bound in node.bounds:  # of type parameters (PEP 695): evaluated when somebody asks, so they are code
        frame.evaluate(bound)
    seed_parameters(frame, unit, node.parameters)
    if node.returns is not None:
        frame.write(("return", unit.name), from_annotation(frame, node.returns))
    _seed_self(frame, unit)
    return apply_decorators(frame, node.decorators, frozenset({OwnFunction(unit.name)}))


def seed_parameters(frame: Frame, unit: Unit, parameters: tuple[m.Parameter, ...]) -> None:
    """Give parameters what their defaults and annotations say."""
    for parameter in parameters:
        variable = (unit.scope.key, parameter.name)
        if parameter.default is not None:
            frame.write(variable, frame.evaluate(parameter.default))
            frame.write(("vague", *variable), frozenset({PLAIN}))  # defaults are there to be overridden
        if parameter.annotation is not None:
            frame.write(variable, from_annotation(frame, parameter.annotation))


def define_lambda(frame: Frame, node: m.Lambda) -> Values:
    """Register the unit of a lambda; its body is what it returns."""
    name = f"{frame.unit.name}.<lambda {node.span.line}:{node.span.column + 1}>"
    known = frame.solver.units.get(name)
    if known is None:
        scope = Scope(name, frame.module, frame.scope, frozenset(parameter.name for parameter in node.parameters))
        body = (m.Return(node.body, node.span),)
        known = frame.solver.add_unit(Unit(name, scope, body, node.span, kind="lambda").taking(node.parameters))
    for parameter in node.parameters:
        if parameter.default is not None:
            frame.write((known.scope.key, parameter.name), frame.evaluate(parameter.default))
    return frozenset({OwnFunction(name)})


def _unit(frame: Frame, node: m.Function) -> Unit:
    name = qualified(frame, node.name)
    known = frame.solver.units.get(name)
    if known is not None and known.span != node.span:
        name = f"{name}@{node.span.line}"  # defined again: another branch, an overload, a property setter
        known = frame.solver.units.get(name)
    if known is not None:
        return known
    bound, globals_ = bound_names(node.body, node.parameters)
    scope = Scope(name, frame.module, frame.scope, bound, redirects=globals_)
    unit = Unit(
        name,
        scope,
        node.body,
        node.span,
        is_async=node.is_async,
        is_generator=node.is_generator,
        owner=frame.scope.class_key,
        kind=_kind(frame, node),
    )
    return frame.solver.add_unit(unit.taking(node.parameters))


def _kind(frame: Frame, node: m.Function) -> str:
    for decorator in node.decorators:
        if isinstance(decorator, m.Attribute) and decorator.attr in _ACCESSORS:
            return "setter"
        for value in frame.evaluate(decorator, called=True) if isinstance(decorator, (m.Name, m.Attribute)) else ():
            if isinstance(value, Foreign) and value.key in _KINDS:
                return _KINDS[value.key]
    return "function"


def _seed_self(frame: Frame, unit: Unit) -> None:
    """Make the first parameter of a method an object of its class or of one that descends from it."""
    if unit.owner is None or not unit.parameters or unit.kind == "static":
        return
    variable = (unit.scope.key, unit.parameters[0].name)
    if unit.kind == "class" or unit.name.endswith(_TAKES_CLASS):
        frame.write(variable, frozenset({OwnClass(unit.owner)}))
        return
    frame.write(variable, frame.read(("objects", unit.owner)))


def apply_decorators(frame: Frame, decorators: tuple[m.Expr, ...], decorated: Values) -> Values:
    """Call decorators from the innermost out; a foreign one may also return what it was given."""
    for decorator in reversed(decorators):
        found = frame.evaluate(decorator)
        factories = frame.evaluate(decorator.callee, called=True) if isinstance(decorator, m.Call) else found
        names = {value.key for value in factories if isinstance(value, Foreign)}
        if names and names <= TRANSPARENT:
            continue
        result = call_values(frame, found, [decorated], decorator.span)
        if names:
            decorated |= result
        elif result or frame.solver.is_early():  # whether it gives nothing is known only at the end
            decorated = result
    return decorated
