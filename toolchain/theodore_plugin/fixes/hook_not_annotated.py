"""Hooks carry the annotations of their contract."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.model import ContractMethod
from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.contracts import Annotations, demanded, function_at
from theodore_plugin.fixes.model import Edit, Fix
from theodore_plugin.fixes.source import Source

RULE = "hook-not-annotated"
SAFE = True
DOES = "Add the contract's annotations. Nothing runs differently; mypy looks into the method from then on."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Annotate what lacks an annotation; what has one keeps it."""
    _, _, method = demanded(finding, context)
    function = function_at(context, finding)
    annotations = Annotations(context, context.facts(finding.location.path))
    source = context.source(finding.location.path)
    edits = [*_parameters(source, function, method, annotations), *_result(source, function, method, annotations)]
    return Fix(RULE, SAFE, (*edits, *annotations.imports), f"annotate {function.name}()")


def _parameters(
    source: Source, function: m.Function, method: ContractMethod, annotations: Annotations
) -> Iterator[Edit]:
    own = {parameter.name: parameter for parameter in function.parameters}
    for wanted in method.parameters:
        found = own.get(wanted.name)
        if wanted.annotation is None or found is None or found.annotation is not None:
            continue
        offset = source.offset(found.span.line, found.span.column + 1) + len(found.name)
        text = f": {annotations.spelt(wanted.annotation)}"
        if source.text[offset : offset + 1] == "=":
            yield source.replace(offset, offset + 1, f"{text} = ")  # spaces belong there once there is an annotation
        else:
            yield source.replace(offset, offset, text)


def _result(source: Source, function: m.Function, method: ContractMethod, annotations: Annotations) -> Iterator[Edit]:
    if method.returns is not None and function.returns is None:
        name = source.offset(function.name_span.end_line, function.name_span.end_column + 1)
        offset = source.closing(name)
        yield source.replace(offset, offset, f" -> {annotations.spelt(method.returns)}")
