"""The policy does not allow what the plugin needs."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_loader.policy import judge
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="policy-denied",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A declared, required permission is not allowed by the policy in force.",
    why="Hosts under this policy would not grant it, so the plugin could not work there.",
    remedy="Ask the policy's owner, ask for less, or mark the permission required=False and work without it.",
    bad=(
        Example(
            plugin(permissions='[PluginPermission(PermissionType.SUBPROCESS, "Runs git", pattern="git")]'),
            "no program is allowed by default",
        ),
        Example(
            plugin(permissions='[PluginPermission(PermissionType.FILE_SYSTEM, "Reads keys", pattern="r:/etc/**")]'),
            "a folder that is not the plugin's",
        ),
    ),
    good=(
        Example(plugin(), "a named host"),
        Example(
            plugin(
                permissions='[PluginPermission(PermissionType.SUBPROCESS, "Runs git", pattern="git", required=False)]'
            ),
            "the plugin works without",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Judge every required declaration."""
    for number, declared in enumerate(context.declared):
        try:
            judgement = judge(Permission.parse(declared.type, declared.pattern), context.policy, context.category)
        except PatternError:
            continue
        if declared.required and not judgement.allowed:
            where = context.where(f"/permissions/{number}")
            message = f"{judgement.permission} is not allowed: {judgement.reason} ({judgement.location})"
            yield report(RULE, where, message)
