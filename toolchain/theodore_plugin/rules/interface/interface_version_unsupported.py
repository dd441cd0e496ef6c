"""Plugin and host have no version of the interface in common."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.channel.codec import PROTOCOL_VERSION
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_sdk.versions import VersionRange

_HOSTS = """\
# file: hosts.json
{"hosts": [{"version": "2.1.0", "protocols": [2, 3]}]}
"""

RULE = Rule(
    name="interface-version-unsupported",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The declared host range and the interfaces this SDK speaks have no version in common.",
    why="No host could load the plugin: it would be refused before its first line runs.",
    remedy="Declare a range of the release line the plugin is written for, or build it with that host's SDK.",
    bad=(
        Example(plugin(compatible_versions='VersionRange(">=3.0,<4.0")'), "a release line nobody knows"),
        Example(plugin(compatible_versions='VersionRange(">=1.0.0,<2.0.0")'), "the line before"),
        Example(plugin(compatible_versions='VersionRange(">=2.1.0,<3")') + _HOSTS, "a host of another worker protocol"),
    ),
    good=(
        Example(plugin(), "the line this SDK belongs to"),
        Example(plugin(compatible_versions='VersionRange("~=2.7")'), "a later release of the same line"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare the range with the known release lines, and each host's protocols with this SDK's."""
    wanted = context.metadata.values.get("compatible_versions")
    if not isinstance(wanted, VersionRange):
        return
    where = context.where("/compatible_versions")
    known = ", ".join(host.version for host in context.catalogue.hosts)
    if not context.catalogue.line_admits(wanted):
        message = f"{wanted.range_spec!r} admits no host of a release line with a known interface (known: {known})"
        yield report(RULE, where, message)
    for host in context.catalogue.within(wanted):
        if PROTOCOL_VERSION not in host.protocols:
            spoken = ", ".join(map(str, host.protocols))
            message = f"host {host.version} speaks worker protocol {spoken}, this SDK {PROTOCOL_VERSION}"
            yield report(RULE, where, message)
