"""Hooks take what the host passes, in its order."""

from __future__ import annotations

import libcst as cst

from theodore_plugin.contracts.model import ContractMethod
from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.contracts import Annotations, demanded, function_at, parameter
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import refuse_depth

RULE = "signature-mismatch"
SAFE = False
DOES = (
    "Add missing parameters and put those that are there into the contract's order; parameters of your own stay at the "
    "end. What the method does with a new one is yours to write, and callers of your own have to change, too."
)


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write the parameters of a plain method anew, each as it was."""
    cls, contract, method = demanded(finding, context)
    function = function_at(context, finding)
    if any(item.kind != "positional_or_keyword" for item in method.parameters) or function.decorators:
        raise NoFix("the contract asks for more than a list of parameters")
    source = context.source(finding.location.path)
    name = source.offset(function.name_span.end_line, function.name_span.end_column + 1)
    end = source.closing(name) - 1
    start = source.text.index("(", name) + 1
    own = _written(source.text[start:end])
    annotations = Annotations(context, cls.module)
    wanted = [own.pop(item.name, "") or parameter(item, method, contract, annotations) for item in method.parameters]
    edit = source.replace(start, end, ", ".join([own.pop("self"), *wanted, *_rest(own, function, method)]))
    return Fix(RULE, SAFE, (edit, *annotations.imports), f"take {', '.join(item.name for item in method.parameters)}")


def _written(text: str) -> dict[str, str]:
    """Return every parameter by its name as it is written. Raises NoFix for more than one plain line of them."""
    refuse_depth(text)
    try:
        definition = cst.parse_statement(f"def _({text}): pass")
    except cst.ParserSyntaxError:
        raise NoFix("the parameters are written in another way") from None
    if not isinstance(definition, cst.FunctionDef) or "\n" in text or "\r" in text or "#" in text:
        raise NoFix("the parameters stand on several lines")
    found = definition.params
    if found.kwonly_params or found.posonly_params or found.star_kwarg or isinstance(found.star_arg, cst.Param):
        raise NoFix("some parameters are taken in another way")
    render = cst.Module([]).code_for_node
    own = {item.name.value: render(item.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for item in found.params}
    if next(iter(own), None) != "self":
        raise NoFix("the object itself is not called self")
    return own


def _rest(own: dict[str, str], function: m.Function, method: ContractMethod) -> list[str]:
    """Return the method's own parameters; each needs a default, because the host passes none."""
    defaults = {item.name for item in function.parameters if item.default is not None}
    if not set(own) <= defaults:
        raise NoFix(f"the host passes nothing for {', '.join(sorted(set(own) - defaults))}")
    return list(own.values())
