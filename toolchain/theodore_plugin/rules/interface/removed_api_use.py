"""Something of the SDK is used that a host in range does not have."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.api import Standing, Symbol, life, near, standing
from theodore_plugin.contracts.model import SDK, Contracts, Life
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import METHODS, plugin

RULE = Rule(
    name="removed-api-use",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A name, member or field of the SDK is used that some host in range does not have.",
    why="In that host the import or the access fails, in the worst case only when the line is reached.",
    remedy="Use what replaces it, or narrow compatible_versions to hosts that have it.",
    bad=(
        Example("from theodore_sdk import ScrapeRequest\n", "no such name"),
        Example("from theodore_sdk import PluginCategory\n\nKIND = PluginCategory.CRAWLER\n", "no such member"),
        Example(plugin(METHODS.replace("request.url", "request.address")), "a request has no such field"),
        Example(
            plugin(METHODS.replace("self.client = ", 'container.get("web")\n        self.client = ')),
            "no such method",
        ),
    ),
    good=(
        Example("import theodore_sdk\n\nKIND = theodore_sdk.PluginCategory.SCRAPER\n", "it is there"),
        Example(
            "try:\n    from theodore_sdk import NewThing\nexcept ImportError:\n    NewThing = None\n",
            "prepared for hosts that do not have it",
        ),
    ),
)


_MISSPELT = frozenset({"unknown-manifest-field", "permission-unknown"})


def check(context: RuleContext) -> Iterator[Finding]:
    """Look every use up in every host in range; a misspelt word of the metadata is the manifest's matter alone."""
    told = {problem.location for problem in context.metadata.problems if problem.rule in _MISSPELT}
    for use in context.api_uses:
        lacking = [host for host in context.hosts if standing(use.symbol, host) is Standing.ABSENT]
        if lacking and not use.guarded and use.location not in told:
            message, help_text = _say(use.symbol, lacking, everywhere=len(lacking) == len(context.hosts))
            yield report(RULE, use.location, message, help_text, subject=str(use.symbol))
    yield from _ports(context)


def _ports(context: RuleContext) -> Iterator[Finding]:
    """Look provided ports up in every host in range; one that exists in none is no known port at all."""
    for port in context.metadata.values.get("provides", {}):
        lacking = [host.version for host in context.hosts if port not in host.ports]
        if lacking and len(lacking) < len(context.hosts):
            message = f"the port {port} does not exist in host {', '.join(lacking)}"
            yield report(RULE, context.where(f"/provides/{port}"), message, subject=port)


def _say(symbol: Symbol, lacking: list[Contracts], *, everywhere: bool) -> tuple[str, str]:
    found = life(symbol, lacking[-1])
    help_text = _help(symbol, lacking[-1], found)
    if everywhere and found.since is None and found.removed is None:
        whole = symbol.name if symbol.member else symbol.module
        return f"{whole} has no {symbol.member or symbol.name or 'such module'}", help_text
    when = "".join(
        [
            f", it is new in {found.since}" if found.since else "",
            f", removed in {found.removed}" if found.removed else "",
        ]
    )
    return f"{symbol} does not exist in host {', '.join(host.version for host in lacking)}{when}", help_text


def _help(symbol: Symbol, host: Contracts, found: Life) -> str:
    if found.replacement is not None:
        return f"use {found.replacement}"
    meant = near(symbol, host)
    return f"did you mean {meant}?" if meant else f"{RULE.remedy} What there is: docs/guide/sdk.md ({SDK})."
