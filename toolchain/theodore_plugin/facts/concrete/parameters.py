"""Parameter lists of a libcst tree, and the lambdas that are little more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Place

if TYPE_CHECKING:
    from theodore_plugin.facts.concrete.expressions import Expressions


def lower_parameters(lowering: Expressions, node: cst.Parameters) -> tuple[m.Parameter, ...]:
    """Lower a parameter list in declaration order."""
    lowered = [_parameter(lowering, item, "positional-only") for item in node.posonly_params]
    if isinstance(node.posonly_ind, cst.ParamSlash):
        lowering.cursor.take("/")
        lowering.comma(node.posonly_ind)
    lowered += [_parameter(lowering, item, "positional") for item in node.params]
    if isinstance(node.star_arg, cst.Param):
        lowering.cursor.take("*")
        lowered.append(_parameter(lowering, node.star_arg, "*"))
    elif isinstance(node.star_arg, cst.ParamStar):
        lowering.cursor.take("*")
        lowering.comma(node.star_arg)
    lowered += [_parameter(lowering, item, "keyword") for item in node.kwonly_params]
    if node.star_kwarg is not None:
        lowering.cursor.take("**")
        lowered.append(_parameter(lowering, node.star_kwarg, "**"))
    return tuple(lowered)


def _parameter(lowering: Expressions, node: cst.Param, kind: str) -> m.Parameter:
    name, span = lowering.word(node.name)
    annotation = lowering.annotation(node.annotation, ":")
    default = None
    if node.default is not None:
        lowering.cursor.take("=")
        default = lowering.lower(node.default)
    lowering.comma(node)
    return m.Parameter(name, kind, default, annotation, span)


def lower_lambda(lowering: Expressions, node: cst.Lambda, start: Place) -> m.Expr:
    """Lower a lambda; it yields for itself."""
    lowering.cursor.take("lambda")
    parameters = lower_parameters(lowering, node.params)
    lowering.cursor.take(":")
    around, lowering.yields = lowering.yields, False
    body = lowering.lower(node.body)
    lowering.yields = around
    return m.Lambda(parameters, body, lowering.cursor.span(start))
