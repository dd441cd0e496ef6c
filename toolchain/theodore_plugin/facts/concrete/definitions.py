"""Functions, classes and type aliases of a libcst tree, with the type parameters (PEP 695) all three may have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.calls import lower_arguments
from theodore_plugin.facts.concrete.cursor import Place
from theodore_plugin.facts.concrete.parameters import lower_parameters

if TYPE_CHECKING:
    from theodore_plugin.facts.concrete.statements import Lowered, Statements

_TYPE_PARAMETER_STARS: dict[type, str] = {cst.TypeVar: "", cst.TypeVarTuple: "*", cst.ParamSpec: "**"}


def lower_function(statements: Statements, node: cst.FunctionDef, start: Place) -> Lowered:
    """Lower a function; whether it is a generator is known behind its body."""
    lower, cursor = statements.expressions, statements.cursor
    decorators = _decorators(statements, node.decorators)
    start = cursor.start()
    if node.asynchronous is not None:
        cursor.take("async")
    cursor.take("def")
    name, name_span = lower.word(node.name)
    bounds = _bounds(statements, node.type_parameters)
    cursor.take("(")
    parameters = lower_parameters(lower, node.params)
    cursor.take(")")
    returns = lower.annotation(node.returns, "->")
    around, lower.yields = lower.yields, False
    body = statements.suite(node.body)
    generates, lower.yields = lower.yields, around
    is_async = node.asynchronous is not None
    span = statements.cursor.span(start)
    return (m.Function(name, parameters, decorators, returns, body, is_async, generates, span, name_span, bounds),)


def lower_class(statements: Statements, node: cst.ClassDef, start: Place) -> Lowered:
    """Lower a class."""
    lower, cursor = statements.expressions, statements.cursor
    decorators = _decorators(statements, node.decorators)
    start = cursor.start()
    cursor.take("class")
    name, name_span = lower.word(node.name)
    bounds = _bounds(statements, node.type_parameters)
    bracketed = isinstance(node.lpar, cst.LeftParen)
    if bracketed:
        cursor.take("(")
    bases = lower_arguments(lower, [*node.bases, *node.keywords])
    if bracketed:
        cursor.take(")")
    body = statements.suite(node.body)
    return (m.Class(name, bases, decorators, body, statements.cursor.span(start), name_span, bounds),)


def lower_type_alias(statements: Statements, node: cst.TypeAlias, start: Place) -> Lowered:
    """Lower ``type name = value`` (PEP 695) as an assignment."""
    statements.cursor.take("type")
    target = statements.expressions.lower(node.name)
    bounds = _bounds(statements, node.type_parameters)
    statements.cursor.take("=")
    value = statements.expressions.lower(node.value)
    span = statements.cursor.span(start)
    return (m.Assign((target,), m.Opaque("TypeAlias", (value, *bounds), value.span), None, False, span),)


def _decorators(statements: Statements, decorators: Iterable[cst.Decorator]) -> tuple[m.Expr, ...]:
    lowered = []
    for decorator in decorators:
        statements.cursor.take("@")
        lowered.append(statements.expressions.lower(decorator.decorator))
    return tuple(lowered)


def _bounds(statements: Statements, node: cst.TypeParameters | None) -> tuple[m.Expr, ...]:
    """Lower what type parameters name besides themselves: bounds and defaults."""
    if node is None:
        return ()
    statements.cursor.take("[")
    bounds = [bound for item in node.params for bound in _type_parameter(statements, item)]
    statements.cursor.take("]")
    return tuple(bounds)


def _type_parameter(statements: Statements, node: cst.TypeParam) -> list[m.Expr]:
    found: list[m.Expr] = []
    statements.cursor.take(_TYPE_PARAMETER_STARS[type(node.param)])
    statements.cursor.take(node.param.name.value)
    if isinstance(node.param, cst.TypeVar) and node.param.bound is not None:
        statements.cursor.take(":")
        found.append(statements.expressions.lower(node.param.bound))
    if node.default is not None:
        statements.cursor.take("=")
        start = statements.cursor.start()
        statements.cursor.take(node.star)
        default = statements.expressions.lower(node.default)
        found.append(m.Starred(default, statements.cursor.span(start)) if node.star else default)
    statements.expressions.comma(node)
    return found
