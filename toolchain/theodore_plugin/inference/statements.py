"""Execute statements abstractly: bind names, define functions and classes, follow every branch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.inference.classes import define_class
from theodore_plugin.inference.functions import apply_decorators, define_function
from theodore_plugin.inference.scopes import Unit, runs_as_script
from theodore_plugin.inference.solver import Frame
from theodore_plugin.inference.values import NOTHING, Container, Foreign, Instance, OwnClass, OwnModule, Values


def execute(frame: Frame, block: m.Block) -> None:
    """Execute a block in the frame's scope."""
    for statement in block:
        _HANDLERS[type(statement)](frame, statement)


def bind(frame: Frame, name: str, values: Values) -> None:
    """Bind a name where the scope rules put it."""
    scope = frame.scope.find(name) or frame.scope
    key = ("attribute", scope.class_key, name) if scope.class_key else (scope.key, name)
    frame.write(key, values)


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
        frame.evaluate(target.index)
        for base in frame.evaluate(target.value):
            if isinstance(base, Container):
                frame.write(("item", base.site, "*"), values)


def _assign_attribute(frame: Frame, target: m.Attribute, values: Values) -> None:
    bases = frame.evaluate(target.value)
    if not any(isinstance(base, (Instance, OwnClass, OwnModule)) for base in bases):
        frame.let_go(values, target.span)
    for base in bases:
        if isinstance(base, (Instance, OwnClass)):
            frame.write(("attribute", base.key, target.attr), values)
        elif isinstance(base, OwnModule):
            frame.write((base.name, target.attr), values)


def _unpack(frame: Frame, target: m.Sequence, values: Values) -> None:
    for position, item in enumerate(target.items):
        parts: Values = NOTHING
        for value in values:
            if isinstance(value, Container):
                parts |= frame.read(("item", value.site, "*")) | frame.read(("item", value.site, str(position)))
            elif isinstance(value, Foreign):
                parts |= {value}
        assign(frame, item, parts)


def elements(frame: Frame, values: Values) -> Values:
    """Return what iterating over values may yield; iterating over foreign results yields more of the same."""
    found: Values = NOTHING
    for value in values:
        if isinstance(value, Container):
            found |= frame.read(("all", value.site))
        elif isinstance(value, Foreign):
            found |= {value}
    return found


def _import(frame: Frame, node: m.Import) -> None:
    target = node.target if node.aliased else node.name
    bind(frame, node.name, _module_value(frame, target))


def _module_value(frame: Frame, target: str) -> Values:
    if frame.solver.names.is_own(target):
        return frozenset({OwnModule(target)})
    return frozenset({Foreign(frame.solver.map.canonical(target))})


def _import_from(frame: Frame, node: m.ImportFrom) -> None:
    if node.attribute == "*":
        return
    names = frame.solver.names
    source = names.absolute(frame.module, node)
    if names.is_own(source):
        bind(frame, node.name, frame.solver.module_member(source, node.attribute, frame.unit.name))
    else:
        bind(frame, node.name, frozenset({Foreign(frame.solver.map.canonical(f"{source}.{node.attribute}"))}))


def _function(frame: Frame, node: m.Function) -> None:
    bind(frame, node.name, define_function(frame, node))


def _class(frame: Frame, node: m.Class) -> None:
    info, inner = define_class(frame, node)
    execute(inner, node.body)
    bind(frame, node.name, apply_decorators(frame, node.decorators, frozenset({OwnClass(info.key)})))


def _assign(frame: Frame, node: m.Assign) -> None:
    found = frame.evaluate(node.value) if node.value is not None else NOTHING
    if node.annotation is not None:
        from theodore_plugin.inference.functions import from_annotation

        found |= from_annotation(frame, node.annotation)
    for target in node.targets:
        assign(frame, target, found)


def _expression(frame: Frame, node: m.ExprStatement) -> None:
    frame.evaluate(node.value)


def _return(frame: Frame, node: m.Return) -> None:
    if node.value is not None:
        found = frame.evaluate(node.value)
        frame.write(("return", frame.unit.name), found)
        if frame.unit.name.endswith("__"):
            frame.let_go(found, node.span)  # operators and other protocols call it where no call is written


def _raise(frame: Frame, node: m.Raise) -> None:
    for value in (node.value, node.cause):
        if value is not None:
            frame.evaluate(value)


def _delete(frame: Frame, node: m.Delete) -> None:
    """Evaluate what chooses the target (``del d[f()]``); what a released name held before still counts."""
    for target in node.targets:
        if isinstance(target, (m.Subscript, m.Attribute)):
            frame.evaluate(target.value)
        if isinstance(target, m.Subscript):
            frame.evaluate(target.index)


def _scope(_frame: Frame, _node: m.Scope) -> None:
    """Do nothing: taken into account when the scope was built."""


def _if(frame: Frame, node: m.If) -> None:
    frame.evaluate(node.test)
    if frame.scope.parent is None and runs_as_script(node.test):
        name = f"{frame.unit.name}.<main>"
        frame.solver.add_unit(Unit(name, frame.scope, node.body, node.span, kind="main"))
    else:
        execute(frame, node.body)
    execute(frame, node.orelse)


def _for(frame: Frame, node: m.For) -> None:
    assign(frame, node.target, elements(frame, frame.evaluate(node.iterable)))
    execute(frame, node.body)
    execute(frame, node.orelse)


def _while(frame: Frame, node: m.While) -> None:
    frame.evaluate(node.test)
    execute(frame, node.body)
    execute(frame, node.orelse)


def _with(frame: Frame, node: m.With) -> None:
    from theodore_plugin.inference.calls import entered

    for context, target in node.items:
        found = entered(frame, frame.evaluate(context), context.span)
        if target is not None:
            assign(frame, target, found)
    execute(frame, node.body)


def _try(frame: Frame, node: m.Try) -> None:
    execute(frame, node.body)
    for handler in node.handlers:
        if handler.caught is not None:
            frame.evaluate(handler.caught)
        execute(frame, handler.body)
    execute(frame, node.orelse)
    execute(frame, node.final)


def _match(frame: Frame, node: m.Match) -> None:
    subject = frame.evaluate(node.subject)
    frame.let_go(subject, node.subject.span)  # a class pattern reads attributes without naming them to us
    for case in node.cases:
        for capture in case.captures:
            bind(frame, capture.id, subject)
        for expression in case.expressions:
            frame.evaluate(expression)
        execute(frame, case.body)


_HANDLERS: dict[type, Callable[[Frame, Any], None]] = {
    m.Import: _import,
    m.ImportFrom: _import_from,
    m.Function: _function,
    m.Class: _class,
    m.Assign: _assign,
    m.ExprStatement: _expression,
    m.Return: _return,
    m.Raise: _raise,
    m.Delete: _delete,
    m.Scope: _scope,
    m.If: _if,
    m.For: _for,
    m.While: _while,
    m.With: _with,
    m.Try: _try,
    m.Match: _match,
}
