"""Sync where the host awaits, or the reverse."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, contract_mismatches
from theodore_plugin.rules.examples import METHODS, plugin

RULE = Rule(
    name="async-mismatch",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A method is def where the contract is async def, or the reverse.",
    why="Awaiting a plain value fails, and a coroutine nobody awaits does nothing.",
    remedy="Add or remove async.",
    bad=(
        Example(plugin(METHODS.replace("async def health_check", "def health_check")), "not async"),
        Example(
            plugin(
                METHODS.replace(
                    "return ScrapingResult(request.url, response.text, response.status_code, True)", "yield response"
                )
            ),
            "an async generator where one value is awaited",
        ),
    ),
    good=(
        Example(plugin(), "as the contract has it"),
        Example(
            plugin(
                METHODS.replace(
                    "        return HealthStatus.healthy()",
                    '        await self.client.get("https://api.example.com/")\n        return HealthStatus.healthy()',
                )
            ),
            "awaiting inside",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what comparing classes with contracts found."""
    return contract_mismatches(RULE, context)
