"""Something of the host's interface is used that a later host will not have."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.api import Standing, is_deprecated, life, standing
from theodore_plugin.contracts.model import Life
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin, plugin_with
from theodore_plugin.rules.interface.api_uses import ApiUse, implemented_life

_HOSTS = """\
# file: hosts.json
{
  "hosts": [{"version": "2.1.0", "protocols": [1]}],
  "sdk": {
    "RateLimit": {"deprecated": "2.1.0", "removed": "3.0.0", "replacement": "PluginResourceLimits"},
    "ScraperPlugin.get_rate_limits": {"deprecated": "2.1.0"}
  }
}
"""
_HOOK = plugin_with("    async def get_rate_limits(self):\n        return None\n")

RULE = Rule(
    name="deprecated-api-use",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A name, hook or port is used that is deprecated in some host in range.",
    why="It will be removed; a plugin that keeps using it will not load in the hosts after that.",
    remedy="Move to what replaces it.",
    bad=(
        Example("# file: demo/example.py\nfrom theodore_sdk import RateLimit\n" + _HOSTS, "a name of the SDK"),
        Example(_HOOK + _HOSTS, "a hook"),
    ),
    good=(
        Example(plugin() + _HOSTS, "neither is used"),
        Example(
            plugin(compatible_versions='VersionRange("==2.0.0")')
            + _HOSTS
            + "# file: demo/example.py\nfrom theodore_sdk import RateLimit\n",
            "not yet deprecated in the hosts in range",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look every use, hook and port up in every host in range."""
    for use in context.api_uses:
        for host in context.hosts:
            found = life(use.symbol, host)
            if is_deprecated(found, host.version) and standing(use.symbol, host) is Standing.PUBLIC:
                yield _finding(use, found)
                break
    for use, found in implemented_life(context):
        if any(is_deprecated(found, host.version) for host in context.hosts):
            yield _finding(use, found)


def _finding(use: ApiUse, found: Life) -> Finding:
    end = f" and will be removed in {found.removed}" if found.removed else ""
    message = f"{use.symbol.key} is deprecated since {found.deprecated}{end}"
    help_text = f"use {found.replacement}" if found.replacement else RULE.remedy
    return report(RULE, use.location, message, help_text, subject=str(use.symbol))
