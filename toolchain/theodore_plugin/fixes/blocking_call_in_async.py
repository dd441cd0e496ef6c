"""Waiting is awaited."""

from __future__ import annotations

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.callees import name_at
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import edit, value
from theodore_plugin.rules.lifecycle.blocking_call_in_async import INSTEAD

RULE = "blocking-call-in-async"
SAFE = False
DOES = (
    "Write `await asyncio.sleep(…)` for `time.sleep(…)`, and hand other blocking calls to a thread with "
    "`await asyncio.to_thread(…)`. While the call waits, other code of the plugin can run."
)
_LEFT = frozenset({"builtins.input"})
"""Nobody answers, in a thread or elsewhere."""


def fix(finding: Finding, context: FixContext) -> Fix:
    """Await the asynchronous form, or a thread."""
    call, name = context.call(finding, *INSTEAD)
    if name in _LEFT or _is_apart(finding, context):
        raise NoFix("it cannot be awaited here")
    sleeps = name == "time.sleep"
    path = "asyncio.sleep" if sleeps else "asyncio.to_thread"
    spelling, imports = name_at(context, finding.location, path)
    enclosed = _stands_in_an_operation(finding, context)

    def awaited(node: cst.Call) -> cst.BaseExpression:
        function = value(spelling)
        if sleeps:
            changed = node.with_changes(func=function)
        else:
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")) if node.args else cst.MaybeSentinel.DEFAULT
            changed = node.with_changes(func=function, args=[cst.Arg(node.func, comma=comma), *node.args])
        return cst.Await(changed, lpar=[cst.LeftParen()] * enclosed, rpar=[cst.RightParen()] * enclosed)

    edits = (edit(context.source(call.path), call.location, cst.Call, awaited), *imports)
    return Fix(RULE, SAFE, edits, f"await {path}")


def _is_apart(finding: Finding, context: FixContext) -> bool:
    """Whether the call is inside something that runs at another time: a generator expression, or a lambda."""
    lazy = any(node.kind == "GeneratorExp" for node in context.around(finding.location, m.Comprehension))
    return lazy or any(True for _ in context.around(finding.location, m.Lambda))


def _stands_in_an_operation(finding: Finding, context: FixContext) -> bool:
    """Whether something is done with the result at once, so that ``await`` needs parentheses."""
    place = finding.location
    for kind in (m.Attribute, m.Subscript, m.Call, m.Binary, m.Unary, m.Await):
        for node in context.around(place, kind):
            first = node.span.at(place.path)
            if first != place and (first.line, first.column) == (place.line, place.column):
                return True
            if isinstance(node, m.Binary | m.Unary | m.Await):
                return True
    return False
