"""What is declared and not used is no longer asked for."""

from __future__ import annotations

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import removed
from theodore_plugin.fixes.model import Fix

RULE = "unused-permission"
SAFE = True
DOES = "Remove the declaration: the plugin asks for less, and does what it did."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Take the item out of the list."""
    number = context.number_at("/permissions", finding.location)
    unused = context.rules.declared[number]
    edit = removed(context, "/permissions", number)
    return Fix(RULE, SAFE, (edit,), f"remove {unused.type.value} {unused.pattern}")
