"""A method cannot be called the way the host calls it."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, contract_mismatches
from theodore_plugin.rules.examples import METHODS, plugin

RULE = Rule(
    name="signature-mismatch",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="Parameters are inserted, dropped, renamed or made required against the contract.",
    why="The host calls by the contract; a different signature is a TypeError at run time.",
    remedy="Use the parameters of the contract; additional ones come last and have defaults.",
    bad=(
        Example(plugin(METHODS.replace("self, request: ScrapingRequest", "self")), "dropped"),
        Example(
            plugin(
                METHODS.replace(
                    "container: PluginContext, config: PluginConfig", "config: PluginConfig, container: PluginContext"
                )
            ),
            "swapped",
        ),
    ),
    good=(
        Example(plugin(), "as the contract has it"),
        Example(
            plugin(METHODS.replace("request: ScrapingRequest", "request: ScrapingRequest, retries: int = 3")),
            "a trailing parameter with a default",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what comparing classes with contracts found."""
    return contract_mismatches(RULE, context)
