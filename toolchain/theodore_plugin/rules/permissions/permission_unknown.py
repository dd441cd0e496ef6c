"""A word that names no permission."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, metadata_problems
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="permission-unknown",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A declared permission is of a type that does not exist.",
    why="A host grants what it knows; a word it does not know would be granted by nobody, or read as something else.",
    remedy="Use a member of PermissionType; docs/permissions.md describes each.",
    bad=(
        Example(
            plugin(permissions='[PluginPermission(PermissionType.NETWROK, "Reads pages", pattern="api.example.com")]'),
            "a slip of the pen",
        ),
        Example(
            plugin(permissions='[PluginPermission("internet", "Reads pages", pattern="api.example.com:443")]'),
            "a text",
        ),
    ),
    good=(
        Example(plugin(), "a member"),
        Example(
            plugin(
                permissions='[PluginPermission(PermissionType("network"), "Reads pages", pattern="api.example.com")]'
            ),
            "a member by its value",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found."""
    return metadata_problems(RULE, context)
