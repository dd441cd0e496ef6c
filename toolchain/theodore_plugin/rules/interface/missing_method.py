"""A required method is not implemented."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, contract_mismatches
from theodore_plugin.rules.examples import METHODS, plugin, plugin_with

RULE = Rule(
    name="missing-method",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="An abstract method of the base class or of a provided port is neither defined nor inherited.",
    why="The class cannot be instantiated, or fails at its first call.",
    remedy="Implement the method with the signature shown.",
    bad=(
        Example(plugin(METHODS.replace("validate_configuration", "check_it")), "renamed away"),
        Example(
            plugin(METHODS.replace("async def cleanup(self) -> None:\n        await self.client.aclose()", "")),
            "left out",
        ),
    ),
    good=(
        Example(plugin(), "as the contract has it"),
        Example(
            plugin_with("    async def _close(self):\n        await self.client.aclose()\n"),
            "helpers may be added",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what comparing classes with contracts found."""
    return contract_mismatches(RULE, context)
