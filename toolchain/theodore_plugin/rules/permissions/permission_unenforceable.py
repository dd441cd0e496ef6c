"""A declaration whose limits nothing outside the plugin's own process holds."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_sdk.info import PermissionType, PluginPermission

FOLDERS = {"data": "/{data}", "cache": "/{cache}", "tmp": "/{tmp}"}
"""Stand for the plugin's own folders, whose places the host decides."""
HELD_BY_KERNEL = {
    PermissionType.NETWORK: "that connections are only made by the broker",
    PermissionType.FILE_SYSTEM: "which files are reached",
    PermissionType.SUBPROCESS: "which programs are run",
}
"""What becomes advisory where the kernel offers no Landlock or seccomp (docs/permissions.md, "Who enforces it")."""
_FILES = '[PluginPermission(PermissionType.FILE_SYSTEM, "{reason}", pattern="{pattern}")]'

RULE = Rule(
    name="permission-unenforceable",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="What is declared can be held only by the audit hook, inside the plugin's own process.",
    why="Code that means to can get around that hook. Whoever grants the permission grants more than it says.",
    remedy="Declare something that the kernel or the broker enforces, or tell users how far the grant reaches.",
    bad=(
        Example(
            plugin(permissions='[PluginPermission(PermissionType.DYNAMIC_CODE, "Runs formulas", pattern="acme.*")]'),
            "code made at run time",
        ),
        Example(
            plugin(permissions=_FILES.format(reason="Reads lists", pattern="r:{data}/*/list.txt")),
            "a pattern between folders",
        ),
        Example(
            plugin(permissions='[PluginPermission(PermissionType.NATIVE, "Calculates", pattern="numpy")]'),
            "one native library",
        ),
    ),
    good=(
        Example(plugin(), "a host, held by the broker"),
        Example(
            plugin(permissions=_FILES.format(reason="Keeps pages", pattern="rw:{data}/pages/**")),
            "a folder, held by the kernel",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Ask of every declaration what holds it, on the weakest host the policy accepts."""
    for number, declared in enumerate(context.declared):
        try:
            permission = Permission.parse(declared.type, declared.pattern)
        except PatternError:
            continue
        where = context.where(f"/permissions/{number}")
        for gap, help_text in _gaps(context, declared, permission):
            yield report(RULE, where, f"{permission}: {gap}", help_text)


def _gaps(context: RuleContext, declared: PluginPermission, permission: Permission) -> Iterator[tuple[str, str]]:
    if declared.type is PermissionType.DYNAMIC_CODE:
        yield (
            "which code is made at run time is advisory",
            "do without generated code; the plugin's other permissions still hold for it",
        )
    elif declared.type is PermissionType.NATIVE and permission.pattern != "*":
        yield (
            "the name of the library is advisory: native code granted is native code granted",
            "do without it, or let users know that the other permissions are what limits it",
        )
    elif declared.type is PermissionType.FILE_SYSTEM and "*" in permission.pattern.removesuffix("/**"):
        root = permission.landlock_root(FOLDERS).replace("/{", "{", 1)
        access = "rw" if permission.writes else "r"
        yield (
            f"the kernel holds this at {root}, what lies between is advisory",
            f"keep the files in a folder of their own and declare it: {access}:{root.rstrip('/')}/FOLDER/**",
        )
    if context.policy.minimum_tier in ("none", "basic") and declared.type in HELD_BY_KERNEL:
        yield (
            f"policy {context.policy.name} accepts hosts without Landlock or seccomp, "
            f"where {HELD_BY_KERNEL[declared.type]} is advisory",
            "set minimum_tier: standard in the policy, or accept that such hosts trust the plugin",
        )
