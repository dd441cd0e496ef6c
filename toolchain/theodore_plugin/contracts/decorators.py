"""What a decorator does to a member's shape. One that cannot be read makes the shape unclear; none is guessed.

Known decorators are data (``policies/contracts/decorators.json``) or change the binding in a way this file states;
the plugin's own are read: those that return what they were given, and those that return an inner wrapper.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from theodore_loader.data import policies_dir
from theodore_plugin.contracts.bindings import class_bindings
from theodore_plugin.contracts.shape import Binding, Form, Gives, Shape, Unclear, shape_of
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnFunction, module_level

FILE = "decorators.json"
_ACCESSORS = frozenset({"setter", "getter", "deleter"})


def _wraps_value(gives: Gives) -> Callable[[Shape], Shape]:
    return lambda shape: replace(shape, gives=gives, wrapped=True)


_EFFECTS: Mapping[str, Callable[[Shape], Shape]] = {
    "builtins.staticmethod": lambda shape: replace(shape, binding=Binding.NOTHING),
    "builtins.classmethod": lambda shape: replace(shape, binding=Binding.CLASS),
    "builtins.property": lambda shape: replace(shape, is_property=True),
    "functools.cached_property": lambda shape: replace(shape, is_property=True),
    "abc.abstractproperty": lambda shape: replace(shape, is_property=True, is_abstract=True),
    "abc.abstractmethod": lambda shape: replace(shape, is_abstract=True),
    "typing.overload": lambda shape: replace(shape, is_overload=True),
    "typing_extensions.overload": lambda shape: replace(shape, is_overload=True),
    "types.coroutine": _wraps_value(Gives.AWAITABLE),
    "contextlib.contextmanager": _wraps_value(Gives.VALUE),
    "contextlib.asynccontextmanager": _wraps_value(Gives.VALUE),
}


@cache
def known_decorators() -> Mapping[str, frozenset[str]]:
    """Return the decorators that keep a function's, and a class's, interface: ``functions`` and ``classes``."""
    kept = json.loads((policies_dir() / "contracts" / FILE).read_bytes())["keep"]
    return {kind: frozenset(paths) for kind, paths in kept.items()}


def decorated(names: Names, module: m.ModuleFacts, function: m.Function) -> Form:
    """Return the shape of a function with its decorators applied, innermost first."""
    form: Form = shape_of(function, module)
    for decorator in reversed(function.decorators):
        form = decorate(names, module, decorator, form)
    return form


def decorate(names: Names, module: m.ModuleFacts, decorator: m.Expr, form: Form) -> Form:
    """Return what ``decorator`` makes of ``form``."""
    if not isinstance(form, Shape):
        return form
    if isinstance(decorator, m.Attribute) and decorator.attr in _ACCESSORS:
        return replace(form, is_property=True)
    target = decorator.callee if isinstance(decorator, m.Call) else decorator
    path = decorator_path(names, module, target)
    if path in _EFFECTS:
        return _EFFECTS[path](form)
    if path in known_decorators()["functions"]:
        return form
    meaning = names.resolve_expression(module, target)
    if isinstance(meaning, OwnFunction):
        return _own(names, meaning, form, called=isinstance(decorator, m.Call))
    return Unclear(f"what the decorator {_spelt(target, path)} makes of it is not known")


def decorator_path(names: Names, module: m.ModuleFacts, decorator: m.Expr) -> str:
    """Return a decorator's dotted path, builtins with their module; empty for the plugin's own."""
    path = names.path(module, decorator) or ""
    return path if "." in path or not path else f"builtins.{path}"


def _spelt(target: m.Expr, path: str) -> str:
    return m.dotted(target) or path or "expression"


def _own(names: Names, decorator: OwnFunction, form: Shape, *, called: bool) -> Form:
    unclear = Unclear(f"what the decorator {decorator.node.name} makes of it is not known")
    node = decorator.node
    if called:
        inner = _returned_function(node)
        if inner is None:
            return unclear
        node = inner
    if node.is_async or not node.parameters or node.decorators:
        return unclear
    return _applied(names, decorator.module, node, form) or unclear


def _applied(names: Names, module: m.ModuleFacts, node: m.Function, form: Shape) -> Shape | None:
    """Return the shape an own decorator gives: the function itself, or its inner wrapper."""
    received = node.parameters[0].name
    returned = [item.value for item in _returns(node)]
    if len(returned) != 1 or not isinstance(returned[0], m.Name):
        return None
    if returned[0].id == received:
        return form if not _rebinds(node, received) else None
    wrapper = _returned_function(node)
    if wrapper is None or not _keeps(names, module, wrapper):
        return None
    return _wrapped(wrapper, received, form)


def _rebinds(node: m.Function, name: str) -> bool:
    return name in class_bindings(node.body)


def _keeps(names: Names, module: m.ModuleFacts, wrapper: m.Function) -> bool:
    known = known_decorators()["functions"]
    targets = (item.callee if isinstance(item, m.Call) else item for item in wrapper.decorators)
    return all(decorator_path(names, module, target) in known for target in targets)


def _wrapped(wrapper: m.Function, received: str, form: Shape) -> Shape | None:
    kinds = {item.kind for item in wrapper.parameters}
    parameters = form.parameters if {"*", "**"} <= kinds else wrapper.parameters
    gives = shape_of(wrapper, form.module).gives
    if gives is Gives.VALUE:
        if not _hands_on(wrapper, received):
            return None
        gives = form.gives
    return replace(form, parameters=parameters, gives=gives, wrapped=True)


def _hands_on(wrapper: m.Function, received: str) -> bool:
    """Whether a plain wrapper returns exactly what the wrapped function gives."""
    returned = [item.value for item in _returns(wrapper)]
    return bool(returned) and all(
        isinstance(value, m.Call) and isinstance(value.callee, m.Name) and value.callee.id == received
        for value in returned
    )


def _returned_function(node: m.Function) -> m.Function | None:
    """Return the inner function a function ends by returning, if that is all it can return."""
    returned = [item.value for item in _returns(node)]
    if len(returned) != 1 or not isinstance(returned[0], m.Name):
        return None
    found = class_bindings(node.body).get(returned[0].id, ())
    only = found[0] if len(found) == 1 else None
    return only if isinstance(only, m.Function) else None


def _returns(node: m.Function) -> Iterator[m.Return]:
    return (item for item in module_level(node.body) if isinstance(item, m.Return))
