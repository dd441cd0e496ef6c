"""A declaration that reaches further than anyone can judge."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_plugin.rules.permissions.comparison import wanted

RULE = Rule(
    name="permission-overbroad",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="A pattern covers every host, the whole file system, any program, or nearly so.",
    why="Consent to everything is consent to nothing in particular.",
    remedy="Name what the plugin needs.",
    bad=(
        Example(
            plugin(permissions='[PluginPermission(PermissionType.NETWORK, "Reads pages")]'), "the default is everything"
        ),
        Example(
            plugin(permissions='[PluginPermission(PermissionType.FILE_SYSTEM, "Keeps files", pattern="rw:/**")]'),
            "the whole file system",
        ),
    ),
    good=(
        Example(plugin(), "one host"),
        Example(
            plugin(permissions='[PluginPermission(PermissionType.FILE_SYSTEM, "Keeps files", pattern="rw:{data}/**")]'),
            "the plugin's own folder",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Ask the pattern; suggest the inferred targets."""
    for number, declared in enumerate(context.declared):
        try:
            reason = Permission.parse(declared.type, declared.pattern).overbroad
        except PatternError:
            continue
        if reason:
            targets = [wanted(item) for item in context.inference.permissions if item.permission is declared.type]
            narrow = sorted({target.pattern for target in targets if target is not None})
            help_text = f"the code names: {', '.join(narrow)}" if narrow else RULE.remedy
            where = context.where(f"/permissions/{number}")
            yield report(RULE, where, f"{declared.type.value} {declared.pattern} {reason}", help_text)
