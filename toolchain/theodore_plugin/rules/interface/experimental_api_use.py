"""Something of the host's interface is used that may still change."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.api import life
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_plugin.rules.interface.api_uses import ApiUse, implemented_life

_HOSTS = """\
# file: hosts.json
{
  "hosts": [{"version": "2.1.0", "protocols": [1]}],
  "sdk": {"RateLimit": {"experimental": true}},
  "ports": {"StreamingWebScraper": {"experimental": true}}
}
"""

RULE = Rule(
    name="experimental-api-use",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A name, hook or port is used that the host marks as experimental.",
    why="It may change in any release, so a host that is newer than the one tested may break the plugin.",
    remedy="Bound compatible_versions above by the host you tested with, and say so in a suppression.",
    bad=(
        Example("# file: demo/example.py\nfrom theodore_sdk import RateLimit\n" + _HOSTS, "a name of the SDK"),
        Example(
            plugin(provides='{"StreamingWebScraper": "demo.port:Port"}')
            + "# file: demo/port.py\nclass Port: ...\n"
            + _HOSTS,
            "a port",
        ),
    ),
    good=(
        Example(plugin() + _HOSTS, "neither is used"),
        Example("from theodore_sdk import RateLimit\n", "no host in range calls it experimental"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look every use, hook and port up in every host in range."""
    for use in context.api_uses:
        if any(life(use.symbol, host).experimental for host in context.hosts):
            yield _finding(use)
    for use, found in implemented_life(context):
        if found.experimental:
            yield _finding(use)


def _finding(use: ApiUse) -> Finding:
    return report(RULE, use.location, f"{use.symbol.key} is experimental", subject=str(use.symbol))
