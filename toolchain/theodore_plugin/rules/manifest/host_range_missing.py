"""No lower bound on the versions of Theodore the plugin works with."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_sdk.versions import VersionRange

_LOWER = {">=", ">", "==", "~=", "==="}

RULE = Rule(
    name="host-range-missing",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="compatible_versions has no lower bound.",
    why="The plugin would be offered to hosts older than the interface it implements.",
    remedy='Write compatible_versions=VersionRange(">=2.0.0,<3.0.0").',
    bad=(
        Example(plugin(compatible_versions='VersionRange("")'), "no bound at all"),
        Example(plugin(compatible_versions='VersionRange("<3.0.0")'), "only an upper bound"),
    ),
    good=(
        Example(plugin(), "both bounds"),
        Example(plugin(compatible_versions='VersionRange("~=2.1")'), "compatible release"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look for a lower bound."""
    found = context.metadata.values.get("compatible_versions")
    if not isinstance(found, VersionRange):
        return
    if not any(item.operator in _LOWER for item in SpecifierSet(found.range_spec)):
        yield report(RULE, context.where("/compatible_versions"), f"{found.range_spec!r} has no lower bound")
