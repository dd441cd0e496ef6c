"""Declare a permission that the code was seen to need. The reason is left for the author: only they know it."""

from __future__ import annotations

from theodore_loader.permissions import Permission
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import added
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import quoted
from theodore_plugin.inference.model import InferredPermission
from theodore_plugin.rules.permissions.comparison import REASON, line_to_add, wanted

DOES = (
    "Add the `PluginPermission(…)` to the metadata, with the pattern that was inferred. The plugin then asks for more, "
    "and its reason is left for you to write: `permission-reason-missing` insists on it."
)


def declared(rule: str, finding: Finding, context: FixContext) -> Fix:
    """Add the line the finding suggests, if it says what is reached."""
    item = _item(finding, context)
    target = wanted(item)
    if target is None or Permission.parse(item.permission, target.pattern).overbroad:
        raise NoFix("what is reached is decided at run time")
    arguments = f"{{PermissionType}}.{item.permission.name}, {quoted(REASON)}, pattern={quoted(target.pattern)}"
    edits = added(context, "/permissions", "PluginPermission", arguments)
    return Fix(rule, False, edits, f"declare {item.permission.value} {target.pattern}")


def _item(finding: Finding, context: FixContext) -> InferredPermission:
    for item in context.permissions_at(finding.location):
        if line_to_add(item) in (finding.help or ""):
            return item
    raise NoFix("what was inferred was not found again")
