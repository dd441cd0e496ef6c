"""Whether a member satisfies its contract cannot be told from the source."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, contract_mismatches
from theodore_plugin.rules.examples import METHODS, plugin

_UNCLEANED = METHODS.replace("async def cleanup(self) -> None:\n        await self.client.aclose()", "retries = 3")

RULE = Rule(
    name="unprovable-interface",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A member comes from a foreign base class, an unknown decorator or computed code, so it was not compared.",
    why="What was not compared may be missing or may not take the host's calls; silence would look like agreement.",
    remedy="Define the member in the class itself, plainly; it can delegate to whatever implements it today.",
    bad=(
        Example(
            plugin(_UNCLEANED, base="Closing, ScraperPlugin", extra="from toolbox import Closing\n"),
            "a base class of another distribution may implement it",
        ),
        Example(
            plugin(
                METHODS.replace("    async def cleanup", "    @toolbox.once\n    async def cleanup"),
                extra="import toolbox\n",
            ),
            "a decorator that may change the signature",
        ),
        Example(
            plugin(METHODS.replace("    async def cleanup", "    if httpx.__version__:\n     async def cleanup")),
            "defined under a condition",
        ),
    ),
    good=(
        Example(plugin(), "everything is in the class"),
        Example(
            plugin(base="Closing, ScraperPlugin", extra="from toolbox import Closing\n"),
            "a foreign base class, but the class implements every method itself",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what comparing classes with contracts had to leave open."""
    return contract_mismatches(RULE, context)
