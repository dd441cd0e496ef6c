"""A method that looks like a hook and is none."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, contract_mismatches
from theodore_plugin.rules.examples import plugin, plugin_with

RULE = Rule(
    name="unknown-hook",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A public method is nearly, but not quite, called like a hook the class does not implement.",
    why="The host never calls it, and nothing says so.",
    remedy="Use the hook's name, or a name that does not resemble one.",
    bad=(
        Example(
            plugin_with("    async def get_rate_limit(self):\n        return None\n"),
            "a missing letter",
        ),
        Example(
            plugin_with("    async def supports_java_script(self):\n        return True\n"),
            "a misplaced underscore",
        ),
    ),
    good=(
        Example(plugin(), "as the contract has it"),
        Example(
            plugin_with("    async def get_rate_limits(self):\n        return None\n"),
            "the hook itself",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what comparing classes with contracts found."""
    return contract_mismatches(RULE, context)
