"""An argument PluginInfo and its parts do not have."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, metadata_problems
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="unknown-manifest-field",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A metadata constructor is given an argument it does not have.",
    why="A misspelt permissions or limits argument would be lost, and the constructor fails when it runs.",
    remedy="Use the nearest known name.",
    bad=(
        Example(plugin(permisions="[]"), "a typo"),
        Example(plugin(resource_limits="PluginResourceLimits(max_memory=256)"), "a typo one level down"),
    ),
    good=(
        Example(plugin(resource_limits="PluginResourceLimits(max_memory_mb=256)"), "known argument"),
        Example(plugin(documentation_url='"https://example.com/docs"'), "optional argument"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found."""
    return metadata_problems(RULE, context)
