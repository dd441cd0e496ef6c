"""Something of the SDK is used that is not for plugins."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.api import Standing, Symbol, standing
from theodore_plugin.contracts.model import SDK, Contracts
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="internal-api-use",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A private or unexported name of theodore_sdk is used.",
    why="It is no part of the contract: any release may rename or remove it without notice.",
    remedy="Import public names from theodore_sdk itself; standard library modules from where they are.",
    bad=(
        Example("from theodore_sdk.versions import _parse_version\n", "underscored"),
        Example("from theodore_sdk.plugin import ABC\n", "there only because the module imports it"),
        Example("import theodore_sdk\n\nHOMES = theodore_sdk._HOMES\n", "read off the package"),
    ),
    good=(
        Example("from theodore_sdk import VersionRange\n", "exported"),
        Example("from theodore_sdk.ports.scraper import ScrapingRequest\n", "exported, under its home"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look every use up in every host in range."""
    for use in context.api_uses:
        host = next((host for host in context.hosts if standing(use.symbol, host) is Standing.INTERNAL), None)
        if host is not None:
            message = f"{use.symbol} is internal to the SDK"
            yield report(RULE, use.location, message, _public(use.symbol, host), subject=str(use.symbol))


def _public(symbol: Symbol, host: Contracts) -> str:
    bare = (symbol.member or symbol.name).lstrip("_")
    exports = host.modules[SDK].exports
    twin = next((name for name in sorted(exports) if name.lower() == bare.replace("_", "").lower()), None)
    return f"the public one is {SDK}.{twin}" if twin else RULE.remedy
