"""Builtins that turn names into things: attributes, modules, namespaces and classes."""

from __future__ import annotations

from collections.abc import Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.inference.attributes import module_values, note_held, read_attribute
from theodore_plugin.inference.binding import set_attribute
from theodore_plugin.inference.containers import ANY, store
from theodore_plugin.inference.escapes import ANY_NAME, note_attribute
from theodore_plugin.inference.frame import Frame, Handler
from theodore_plugin.inference.scopes import Scope, Unit
from theodore_plugin.inference.values import (
    HOLE,
    NOTHING,
    Bound,
    Container,
    Foreign,
    Instance,
    OwnClass,
    OwnFunction,
    OwnModule,
    Parent,
    Value,
    Values,
    ordered,
    texts,
)


def _getattr(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    names = texts(arguments[1]) if len(arguments) > 1 else ()
    found: Values = arguments[2] if len(arguments) > 2 else NOTHING
    is_open = not names or any(HOLE in name for name in names) or _is_vague(frame, node.arguments[1].value)
    for base in ordered(arguments[0]) if arguments else ():
        for name in names:
            if HOLE not in name:
                found |= read_attribute(frame, base, name, node.span)
        if is_open:
            frame.choose_at_run_time(base, node.span)
            found |= _modules_kept(frame, base)
    note_held(frame, found, node.span)
    bases = arguments[0] if arguments else NOTHING
    for name in (*(name for name in names if HOLE not in name), *((ANY_NAME,) if is_open else ())):
        note_attribute(frame, bases, name, found, node.span)
    return found if names or found else None


def _is_vague(frame: Frame, node: m.Expr) -> bool:
    """Whether a name may be another than the strings that are seen: one of several things bound to it is none."""
    if isinstance(node, m.Choice):
        return any(_is_vague(frame, option) or not texts(frame.evaluate(option)) for option in node.options)
    scope = frame.scope.find(node.id) if isinstance(node, m.Name) else None
    return scope is not None and isinstance(node, m.Name) and bool(frame.read(("vague", scope.key, node.id)))


def _modules_kept(frame: Frame, base: Value) -> Values:
    """Modules among the attributes of own classes and modules: a name chosen at run time may be any of theirs."""
    if isinstance(base, (Instance, OwnClass)):
        return frame.read(("every", base.key))
    if isinstance(base, OwnModule):
        return _namespace_of(frame, base.key, frame.solver.names.bound_names(base.key))
    return NOTHING


def _namespace_of(frame: Frame, module: str, names: Mapping[str, m.Statement]) -> Values:
    found: Values = NOTHING
    for name in sorted(names):
        for value in frame.read((module, name)):
            if type(value) is Foreign and frame.solver.map.is_module(value.key):
                found |= {value}
    return found


def _attribute_getter(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    """Treat calling an ``operator.attrgetter`` or ``methodcaller`` as choosing an attribute at run time."""
    found: Values = NOTHING
    for base in ordered(arguments[0]) if arguments else ():
        frame.choose_at_run_time(base, node.span)
        found |= _modules_kept(frame, base)
    frame.let_go(found, node.span)
    note_attribute(frame, NOTHING, ANY_NAME, found, node.span)
    return None


def _vars(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if not arguments:
        return _locals(frame, node, arguments)
    found: Values = NOTHING
    for base in ordered(arguments[0]):
        if type(base) is Foreign:
            found |= {Foreign(f"{base.key}.__dict__")}
        elif isinstance(base, (Instance, OwnClass, OwnModule)):
            place = f"namespace:{base.key}"
            store(frame, place, ANY, _modules_kept(frame, base))
            found |= {Container(place)}
    return found


def _globals(frame: Frame, _node: m.Call, _arguments: list[Values]) -> Values | None:
    """``globals()``, ``vars()`` and ``locals()`` give a container of the module's names, read by constant key."""
    outermost = frame.scope.outermost
    place = f"globals:{outermost.key}"
    for name in sorted(outermost.bound):
        store(frame, place, name, frame.read((outermost.key, name)))
    store(frame, place, "__builtins__", frozenset({Foreign("builtins")}))
    return frozenset({Container(place)})


def _locals(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    scope = frame.scope
    if scope.parent is None or scope.class_key:
        return _globals(frame, node, arguments)
    place = f"globals:{scope.key}"
    for name in sorted(scope.bound):
        store(frame, place, name, frame.read((scope.key, name)))
    return frozenset({Container(place)})


def _setattr(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) == 3:
        for base in ordered(arguments[0]):
            for name in texts(arguments[1]) or (ANY,):
                set_attribute(frame, base, name, arguments[2], node.span)
    return None


def _type(frame: Frame, _node: m.Call, arguments: list[Values]) -> Values | None:
    if len(arguments) != 1:
        return None
    found: Values = frozenset(OwnClass(value.key) for value in arguments[0] if isinstance(value, Instance))
    if any(isinstance(value, (OwnFunction, Bound)) for value in arguments[0]):
        found |= {Foreign("types.FunctionType")}
    found |= {Foreign(value.key[:-2]) for value in arguments[0] if type(value) is Foreign and value.key.endswith("()")}
    return found or None


def _super(frame: Frame, _node: m.Call, _arguments: list[Values]) -> Values | None:
    """Return what stands behind ``super()``: for every object the method may be called on, the next class in line."""
    method = enclosing_method(frame)
    if method is None or method.owner is None:
        return None
    first = frame.read((method.scope.key, method.parameters[0].name)) if method.parameters else NOTHING
    owners = [value.key for value in ordered(first) if isinstance(value, (Instance, OwnClass))]
    return frozenset(Parent(method.owner, owner) for owner in owners or [method.owner])


def enclosing_method(frame: Frame) -> Unit | None:
    """Return the method around this code, or ``None``."""
    scope: Scope | None = frame.scope
    while scope is not None:
        unit = frame.solver.units.get(scope.key)
        if unit is not None and unit.owner is not None:
            return unit
        scope = scope.parent
    return None


def _import(frame: Frame, node: m.Call, arguments: list[Values]) -> Values | None:
    names = [name for name in (texts(arguments[0]) if arguments else ()) if HOLE not in name]
    if any(name.startswith(".") for name in names):
        packages = texts(arguments[1]) if len(arguments) > 1 else ()
        names = [_resolved(name, package) for name in names for package in packages if HOLE not in package]
        if not names:
            frame.refer("builtins.<computed attribute>", node.span)
    if not names:
        return None
    whole = isinstance(node.callee, m.Attribute) or (m.dotted(node.callee) or "") != "__import__"
    targets = [name if whole else name.split(".", 1)[0] for name in names]
    return frozenset(value for target in targets for value in module_values(frame, target))


def _resolved(name: str, package: str) -> str:
    """Return the module a relative name stands for, as ``importlib.util.resolve_name`` does."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - level + 1])
    return f"{base}.{name[level:]}".strip(".")


FUNCTIONS: Mapping[str, Handler] = {
    "builtins.getattr": _getattr,
    "inspect.getattr_static": _getattr,
    "builtins.setattr": _setattr,
    "builtins.__import__": _import,
    "builtins.super": _super,
    "builtins.type": _type,
    "builtins.globals": _globals,
    "builtins.locals": _locals,
    "builtins.vars": _vars,
    "operator.attrgetter()": _attribute_getter,
    "operator.methodcaller()": _attribute_getter,
    "importlib.__import__": _import,
    "importlib.import_module": _import,
}
