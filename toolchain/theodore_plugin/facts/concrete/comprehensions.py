"""Comprehensions of a libcst tree: elements, and the clauses behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.clauses import clause_of
from theodore_plugin.facts.concrete.cursor import Place

if TYPE_CHECKING:
    from theodore_plugin.facts.concrete.expressions import Expressions

_BRACKETS: dict[type, tuple[str, str]] = {
    cst.ListComp: ("[", "]"),
    cst.SetComp: ("{", "}"),
    cst.GeneratorExp: ("(", ")"),
}


def lower_comprehension(lowering: Expressions, node: Any, start: Place) -> m.Expr:
    """Lower a list, a set or a generator."""
    opening, closing = _BRACKETS[type(node)]
    bracketed = bool(opening != "(" or node.lpar)
    if bracketed:
        lowering.cursor.take(opening)
    elements = (lowering.lower(node.elt),)
    clauses = _clauses(lowering, node.for_in)
    if bracketed:
        lowering.cursor.take(closing)
    return m.Comprehension(type(node).__name__, elements, clauses, lowering.cursor.span(start))


def lower_dict_comprehension(lowering: Expressions, node: cst.DictComp, start: Place) -> m.Expr:
    """Lower a mapping."""
    lowering.cursor.take("{")
    key = lowering.lower(node.key)
    lowering.cursor.take(":")
    elements = (key, lowering.lower(node.value))
    clauses = _clauses(lowering, node.for_in)
    lowering.cursor.take("}")
    return m.Comprehension("DictComp", elements, clauses, lowering.cursor.span(start))


def _clauses(lowering: Expressions, clause: cst.CompFor | None) -> tuple[m.For, ...]:
    clauses: list[m.For] = []
    while clause is not None:
        clauses.append(_clause(lowering, clause))
        clause = clause.inner_for_in
    return tuple(clauses)


def _clause(lowering: Expressions, clause: cst.CompFor) -> m.For:
    if clause.asynchronous is not None:
        lowering.cursor.take("async")
    lowering.cursor.take("for")
    target = lowering.lower(clause.target)
    lowering.cursor.take("in")
    iterable = lowering.lower(clause.iter)
    tests = tuple([_test(lowering, test) for test in clause.ifs])
    return clause_of(target, iterable, tests, clause.asynchronous is not None)


def _test(lowering: Expressions, node: cst.CompIf) -> m.Expr:
    lowering.cursor.take("if")
    return lowering.lower(node.test)
