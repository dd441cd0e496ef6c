"""Perform statements abstractly: bind names, define functions and classes, follow every branch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.inference.annotations import from_annotation
from theodore_plugin.inference.attributes import is_ambiguous, module_values
from theodore_plugin.inference.binding import assign, bind, changed
from theodore_plugin.inference.classes import attribute, class_frame, define_class, lineage
from theodore_plugin.inference.containers import everything
from theodore_plugin.inference.entering import enter, entered, iterated, result_of
from theodore_plugin.inference.frame import Frame
from theodore_plugin.inference.functions import apply_decorators, define_function
from theodore_plugin.inference.scopes import Unit, runs_as_script
from theodore_plugin.inference.values import (
    NOTHING,
    Bound,
    Container,
    Foreign,
    Instance,
    OwnClass,
    Values,
    ordered,
)

_PASSIVE = (m.Scope,)
"""Statements without an effect here: taken into account when scopes are built."""


def schedule(frame: Frame, block: m.Block) -> None:
    """Queue every statement of a block, those nested in compound statements too, once and in source order."""
    for statement in block:
        if isinstance(statement, _PASSIVE):
            continue
        frame.solver.add(frame, statement)
        nested = _NESTED.get(type(statement))
        if nested is not None:
            nested(frame, statement)


def perform(frame: Frame, statement: m.Statement) -> None:
    """Perform one statement; its nested blocks were queued on their own."""
    _HANDLERS[type(statement)](frame, statement)


# ── Nested blocks ────────────────────────────────────────────────────────────────────────────────


def _nested_class(frame: Frame, node: m.Class) -> None:
    schedule(class_frame(frame, node), node.body)


def _nested_if(frame: Frame, node: m.If) -> None:
    if frame.scope.parent is None and runs_as_script(node.test):
        name = f"{frame.unit.name}.<main>"
        frame.solver.add_unit(Unit(name, frame.scope, node.body, node.span, kind="main"))
    else:
        schedule(frame, node.body)
    schedule(frame, node.orelse)


def _nested_loop(frame: Frame, node: m.For | m.While) -> None:
    schedule(frame, node.body)
    schedule(frame, node.orelse)


def _nested_with(frame: Frame, node: m.With) -> None:
    schedule(frame, node.body)


def _nested_try(frame: Frame, node: m.Try) -> None:
    schedule(frame, node.body)
    for handler in node.handlers:
        schedule(frame, handler.body)
    schedule(frame, node.orelse)
    schedule(frame, node.final)


def _nested_match(frame: Frame, node: m.Match) -> None:
    for case in node.cases:
        schedule(frame, case.body)


_NESTED: dict[type, Callable[[Frame, Any], None]] = {
    m.Class: _nested_class,
    m.If: _nested_if,
    m.For: _nested_loop,
    m.While: _nested_loop,
    m.With: _nested_with,
    m.Try: _nested_try,
    m.Match: _nested_match,
}


# ── Effects ──────────────────────────────────────────────────────────────────────────────────────


def _import(frame: Frame, node: m.Import) -> None:
    frame.solver.record.imported(frame.unit.name, node.target, frame.location(node.span))
    bind(frame, node.name, module_values(frame, node.target if node.aliased else node.name))


def _import_from(frame: Frame, node: m.ImportFrom) -> None:
    if node.attribute == "*":
        return
    names = frame.solver.names
    source = names.absolute(frame.module, node)
    found: Values = NOTHING
    if names.is_own(source):
        found = frame.solver.module_member(source, node.attribute)
    if not names.is_own(source) or (not node.level and is_ambiguous(frame, source)):
        path = "builtins" if node.attribute == "__builtins__" else f"{source}.{node.attribute}"
        for module in (source, path):
            frame.solver.record.imported(frame.unit.name, module, frame.location(node.span))
        found |= {Foreign(frame.solver.map.canonical(path))}
    bind(frame, node.name, found)


def _function(frame: Frame, node: m.Function) -> None:
    bind(frame, node.name, define_function(frame, node))


def _class(frame: Frame, node: m.Class) -> None:
    info = define_class(frame, node)
    _announce(frame, node, info.key)
    bind(frame, node.name, apply_decorators(frame, node.decorators, frozenset({OwnClass(info.key)})))


def _announce(frame: Frame, node: m.Class, key: str) -> None:
    """Run what the definition of a class runs: ``__init_subclass__`` above it, and its metaclass."""
    own, _ = lineage(frame, key)
    for ancestor in own[1:]:
        for value in ordered(attribute(frame, ancestor, "__init_subclass__", through_class=True)):
            if isinstance(value, Bound):
                enter(frame, Bound(value.key, key), (), node.span)
            elif not isinstance(value, Foreign):
                enter(frame, value, [(None, frozenset({OwnClass(key)}))], node.span)
    for meta in ordered(frame.read(("metaclass", key))):
        if isinstance(meta, OwnClass):
            for name in ("__prepare__", "__new__", "__init__"):
                for value in ordered(attribute(frame, meta.key, name, through_class=False)):
                    if not isinstance(value, Foreign):
                        enter(frame, value, (), node.span)


def _assign(frame: Frame, node: m.Assign) -> None:
    found = frame.evaluate(node.value) if node.value is not None else NOTHING
    if node.annotation is not None:
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
    for expression in (node.value, node.cause):
        if expression is not None:
            for value in ordered(frame.evaluate(expression)):
                if isinstance(value, OwnClass):
                    enter(frame, value, (), node.span)


def _delete(frame: Frame, node: m.Delete) -> None:
    """Evaluate what chooses the target (``del d[f()]``); what a released name held before still counts."""
    for target in node.targets:
        if isinstance(target, (m.Subscript, m.Attribute)):
            changed(frame, target.value)
        if isinstance(target, m.Subscript):
            frame.evaluate(target.index)


def _tested(frame: Frame, node: m.If | m.While) -> None:
    frame.evaluate(node.test)


def _for(frame: Frame, node: m.For) -> None:
    assign(frame, node.target, iterated(frame, frame.evaluate(node.iterable), node.iterable.span))


def _with(frame: Frame, node: m.With) -> None:
    for context, target in node.items:
        found = entered(frame, frame.evaluate(context), context.span)
        if target is not None:
            assign(frame, target, found)


def _try(frame: Frame, node: m.Try) -> None:
    for handler in node.handlers:
        if handler.caught is not None:
            found = _caught(frame, frame.evaluate(handler.caught))
            if handler.name:
                bind(frame, handler.name, found)


def _caught(frame: Frame, classes: Values) -> Values:
    found: Values = NOTHING
    for value in ordered(classes):
        if isinstance(value, OwnClass):
            found |= {Instance(value.key)}
        elif type(value) is Foreign:
            found |= result_of(frame, value.key)
        elif type(value) is Container:
            found |= _caught(frame, frame.read(("all", value.key)))
    return found


def _match(frame: Frame, node: m.Match) -> None:
    subject = frame.evaluate(node.subject)
    frame.let_go(subject, node.subject.span)  # a class pattern reads attributes without naming them to us
    for case in node.cases:
        for capture in case.captures:
            bind(frame, capture.id, subject | everything(frame, subject))
        for expression in case.expressions:
            frame.evaluate(expression)


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
    m.If: _tested,
    m.For: _for,
    m.While: _tested,
    m.With: _with,
    m.Try: _try,
    m.Match: _match,
}
