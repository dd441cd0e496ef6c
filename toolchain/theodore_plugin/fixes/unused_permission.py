"""What is declared and not used is no longer asked for."""

from __future__ import annotations

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import removed
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.rules.permissions.comparison import of_kind, readable

RULE = "unused-permission"
SAFE = True
DOES = "Remove the declaration: the plugin asks for less, and does what it did."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Take the item out of the list."""
    number = context.number_at("/permissions", finding.location)
    unused = context.rules.declared[number]
    if _is_of_use(context, number):
        raise NoFix("the kind is used, with a target that is not declared: declare that first")
    edit = removed(context, "/permissions", number)
    return Fix(RULE, SAFE, (edit,), f"remove {unused.type.value} {unused.pattern}")


def _is_of_use(context: FixContext, number: int) -> bool:
    """Whether something is used that no other declaration speaks about: that is the nearest one it has."""
    declared = context.rules.declared
    own, others = readable(declared[number : number + 1]), readable((*declared[:number], *declared[number + 1 :]))
    uses = context.rules.inference.permissions
    return any(not item.within and of_kind(own, item) and not of_kind(others, item) for item in uses)
