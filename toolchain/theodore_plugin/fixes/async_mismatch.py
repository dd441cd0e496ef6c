"""Hooks are awaited where the host awaits them, and nowhere else."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.contracts import demanded, function_at
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "async-mismatch"
SAFE = False
DOES = "Add `async`, or remove it where nothing inside is awaited. Callers of your own have to change, too."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Change the first word of the definition."""
    demanded(finding, context)
    function = function_at(context, finding)
    source = context.source(finding.location.path)
    start = source.offset(function.span.line, function.span.column + 1)
    if function.is_generator:
        raise NoFix("a generator is no result that could be awaited")
    if not function.is_async and "the host awaits it" in finding.message:
        return Fix(RULE, SAFE, (source.replace(start, start, "async "),), "make it async")
    if function.is_async and "without await" in finding.message and not _awaits(function):
        end = source.text.index("def", start)
        return Fix(RULE, SAFE, (source.replace(start, end, ""),), "make it a plain function")
    raise NoFix("more than the definition has to change")


def _awaits(function: m.Function) -> bool:
    """Whether something in the body needs ``async``; of a nested function it would be that one's own."""
    return any(
        isinstance(node, m.Await) or (isinstance(node, m.For | m.With) and node.is_async) for node in m.walk(function)
    )
