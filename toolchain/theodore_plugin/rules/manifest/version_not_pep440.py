"""A version no installer understands."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="version-not-pep440",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The plugin's version is not a PEP 440 version.",
    why="Upgrades, ranges and revocations compare versions; one that cannot be compared cannot be trusted.",
    remedy="Write a version such as 1.2.0 or 1.3.0rc1.",
    bad=(
        Example(plugin(version='"1.0-final-final"'), "words"),
        Example(plugin(version='"latest"'), "a label"),
    ),
    good=(
        Example(plugin(version='"1.0.0"'), "a release"),
        Example(plugin(version='"1.0.0rc1"'), "a pre-release"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Parse the version."""
    version = context.metadata.values.get("version")
    if not isinstance(version, str):
        return
    try:
        Version(version)
    except InvalidVersion:
        yield report(RULE, context.where("/version"), f"{version!r} is not a version (PEP 440)")
