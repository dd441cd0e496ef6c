"""Calls of a libcst tree, and the arguments that class bases are as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Place

if TYPE_CHECKING:
    from theodore_plugin.facts.concrete.expressions import Expressions


def lower_call(lowering: Expressions, node: cst.Call, start: Place) -> m.Expr:
    """Lower a call; its callee comes first."""
    callee = lowering.lower(node.func)
    opened = lowering.cursor.start()
    lowering.cursor.take("(")
    arguments = lower_arguments(lowering, node.args)
    lowering.cursor.take(")")
    span = lowering.cursor.span(start)
    if len(arguments) == 1 and isinstance(node.args[0].value, cst.GeneratorExp):
        arguments = (_alone(arguments[0], node.args[0], m.Span(*opened, span.end_line, span.end_column)),)
    return m.Call(callee, arguments, span)


def lower_arguments(lowering: Expressions, args: Iterable[cst.Arg]) -> tuple[m.Argument, ...]:
    """Lower call arguments or class bases."""
    return tuple([_argument(lowering, arg) for arg in args])


def _argument(lowering: Expressions, arg: cst.Arg) -> m.Argument:
    cursor = lowering.cursor
    start = cursor.start()
    keyword: str | None = arg.star or None
    if arg.keyword is not None:
        keyword = lowering.word(arg.keyword)[0]
        cursor.take("=")
    elif keyword:
        cursor.take(keyword)
    value = lowering.lower(arg.value)
    span = cursor.span(start) if keyword else value.span
    lowering.comma(arg)
    return m.Argument(value, keyword, span)


def _alone(argument: m.Argument, node: cst.Arg, parentheses: m.Span) -> m.Argument:
    """Give a generator expression that is the only argument the call's parentheses, which are its own as well."""
    value = argument.value
    if not isinstance(value, m.Comprehension) or getattr(node.value, "lpar", None) or argument.keyword:
        return argument
    return m.Argument(m.Comprehension(value.kind, value.elements, value.clauses, parentheses), None, parentheses)
