"""A permission without a reason."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

_LEFT_OVER = ("todo", "fixme", "why the plugin needs it", "reason", "description")
_PERMISSION = '[PluginPermission(PermissionType.NETWORK, "{reason}", pattern="api.example.com:443")]'

RULE = Rule(
    name="permission-reason-missing",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A permission's description is empty or a placeholder.",
    why="It is the sentence shown to the person who grants the permission.",
    remedy="Say in one sentence what the plugin does with it.",
    bad=(
        Example(plugin(permissions=_PERMISSION.format(reason="")), "nothing"),
        Example(plugin(permissions=_PERMISSION.format(reason="TODO")), "a placeholder"),
    ),
    good=(
        Example(plugin(), "a sentence"),
        Example(plugin(permissions=_PERMISSION.format(reason="Looks companies up")), "a short one"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every description."""
    for number, declared in enumerate(context.declared):
        text = declared.description.strip().rstrip(".:…").lower()
        if not text or text in _LEFT_OVER:
            where = context.where(f"/permissions/{number}")
            yield report(RULE, where, f"{declared.type.value} {declared.pattern} is declared without a reason")
