"""A broad pattern becomes the patterns the code gets by with."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from theodore_loader.permissions import Permission
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.lists import replaced
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import quoted, value, with_keyword
from theodore_plugin.rules.permissions.comparison import of_kind, wanted
from theodore_sdk.info import PluginPermission

if TYPE_CHECKING:
    import libcst as cst

RULE = "permission-overbroad"
SAFE = False
DOES = (
    "Replace the declaration by one for each target that was inferred. Not offered where the code decides at run time "
    "what it reaches: only you know the bound."
)
_PATTERN = [field.name for field in dataclasses.fields(PluginPermission)].index("pattern")


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write the inferred patterns with the type and reason that are there."""
    number = context.number_at("/permissions", finding.location)
    patterns = _inferred(context, context.rules.declared[number])

    def narrowed(call: cst.Call) -> list[cst.Call]:
        return [_with_pattern(call, pattern) for pattern in patterns]

    return Fix(RULE, SAFE, (replaced(context, "/permissions", number, narrowed),), f"ask for {', '.join(patterns)}")


def _inferred(context: FixContext, declared: PluginPermission) -> list[str]:
    broad = Permission.parse(declared.type, declared.pattern)
    uses = [item for item in context.rules.inference.permissions if item.acts and of_kind([broad], item)]
    targets = [wanted(item) for item in uses]
    if not targets or None in targets:
        raise NoFix("what is reached is decided at run time")
    found = {target for target in targets if target is not None and broad.covers(target)}
    if not found or any(target.overbroad for target in found):
        raise NoFix("what is reached is decided at run time")
    return sorted(target.pattern for target in found)


def _with_pattern(call: cst.Call, pattern: str) -> cst.Call:
    for number, argument in enumerate(call.args):
        named = argument.keyword.value if argument.keyword else None
        if named == "pattern" or (named is None and number == _PATTERN):
            args = list(call.args)
            args[number] = argument.with_changes(value=value(quoted(pattern)))
            return call.with_changes(args=args)
    return with_keyword(call, "pattern", quoted(pattern))
