"""Requests end after a while."""

from __future__ import annotations

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import edit, with_keyword, with_value, without_argument
from theodore_plugin.rules.lifecycle.network_without_timeout import NO_DEFAULT, WITH_DEFAULT

RULE = "network-without-timeout"
SAFE = True
SECONDS = 30
"""As long as a careful user would wait; the limit is a mend, the author knows the better one."""
DOES = f"Pass `timeout={SECONDS}`, or remove the argument that takes the library's own limit away."


def fix(finding: Finding, context: FixContext) -> Fix:
    """Add a limit, replace ``None`` by one, or go back to the default."""
    call, name = context.call(finding, *NO_DEFAULT, *WITH_DEFAULT)
    off = [number for number, argument in enumerate(call.node.arguments) if _is_off(argument)]
    if len(off) > 1:
        raise NoFix("several limits are switched off")
    source = context.source(call.path)
    if name in WITH_DEFAULT:
        if not off:
            raise NoFix("the limit is switched off where it cannot be seen")
        edits = edit(source, call.location, cst.Call, lambda node: without_argument(node, off[0]))
        return Fix(RULE, SAFE, (edits,), "keep the library's own limit")
    number = call.argument_index(NO_DEFAULT[name], "timeout")

    def limited(node: cst.Call) -> cst.Call:
        limit = str(SECONDS)
        return with_keyword(node, "timeout", limit) if number is None else with_value(node, number, limit)

    return Fix(RULE, SAFE, (edit(source, call.location, cst.Call, limited),), f"wait at most {SECONDS} s")


def _is_off(argument: m.Argument) -> bool:
    named = argument.keyword in {"timeout", "total"}
    return named and isinstance(argument.value, m.Constant) and argument.value.value is None
