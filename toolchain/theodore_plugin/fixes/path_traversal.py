"""Archives are unpacked with the data filter."""

from __future__ import annotations

import libcst as cst

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix
from theodore_plugin.fixes.syntax import edit, with_keyword, with_value
from theodore_plugin.rules.code.path_traversal import UNPACKERS

RULE = "path-traversal"
SAFE = True
DOES = 'Pass `filter="data"`: members that would leave the folder are refused, all others are unpacked as before.'


def fix(finding: Finding, context: FixContext) -> Fix:
    """Add the filter, or replace one that lets everything through."""
    call, _ = context.call(finding, *UNPACKERS)
    number = call.argument_index(None, "filter")

    def filtered(node: cst.Call) -> cst.Call:
        return with_keyword(node, "filter", '"data"') if number is None else with_value(node, number, '"data"')

    return Fix(RULE, SAFE, (edit(context.source(call.path), call.location, cst.Call, filtered),), 'pass filter="data"')
