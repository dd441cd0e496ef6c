"""A declaration that reaches further than anyone can judge."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_plugin.rules.permissions.comparison import declaration, of_kind, wanted
from theodore_sdk.info import PluginPermission

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
            where = context.where(f"/permissions/{number}")
            message = f"{declared.type.value} {declared.pattern} {reason}"
            yield report(RULE, where, message, _narrower(context, declared))


def _narrower(context: RuleContext, declared: PluginPermission) -> str:
    """Write the declarations the code gets by with; say so where a target is decided at run time."""
    broad = Permission.parse(declared.type, declared.pattern)
    uses = [item for item in context.inference.permissions if of_kind([broad], item)]
    targets = {wanted(item) for item in uses if item.acts} - {None}
    patterns = sorted(target.pattern for target in targets if target is not None and broad.covers(target))
    if not patterns:
        return RULE.remedy
    lines = ", ".join(declaration(declared.type, pattern, declared.description) for pattern in patterns)
    open_ended = any(item.acts and item.target is None for item in uses)
    more = "; where the code decides at run time, add what it may reach" if open_ended else ""
    return f"replace it with {lines}{more}"
