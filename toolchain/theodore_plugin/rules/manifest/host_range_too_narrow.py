"""A range of hosts that holds a single release."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_sdk.versions import VersionRange

_PATCH = 3
"""Components of a release number: major, minor, patch."""

RULE = Rule(
    name="host-range-too-narrow",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="compatible_versions admits one release of Theodore, or the patches of none but one.",
    why="The next bug fix of the host makes the plugin unusable, though nothing it relies on has changed.",
    remedy='Admit what keeps the interface: VersionRange(">=2.1.0,<3.0.0").',
    bad=(
        Example(plugin(compatible_versions='VersionRange("==2.1.0")'), "one release"),
        Example(plugin(compatible_versions='VersionRange(">=2.1.0,<2.1.1")'), "one release, written as a range"),
    ),
    good=(
        Example(plugin(), "a major version"),
        Example(plugin(compatible_versions='VersionRange("==2.1.*")'), "a minor version"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Ask whether two releases in a row can both be inside."""
    found = context.metadata.values.get("compatible_versions")
    if isinstance(found, VersionRange) and _is_narrow(SpecifierSet(found.range_spec)):
        message = f"{found.range_spec!r} admits a single release"
        yield report(RULE, context.where("/compatible_versions"), message)


def _is_narrow(specifiers: SpecifierSet) -> bool:
    return any(_pins(item) for item in specifiers) or any(
        _next_patch_is_outside(item, specifiers) for item in specifiers if item.operator in {">=", "~="}
    )


def _pins(item: Specifier) -> bool:
    if item.operator == "===":
        return True
    parts = item.version.removesuffix(".*").split(".")
    return item.operator == "==" and (not item.version.endswith(".*") or len(parts) >= _PATCH)


def _next_patch_is_outside(lower: Specifier, specifiers: SpecifierSet) -> bool:
    """Whether the patch after the lowest release is excluded by a bound above it, not by name."""
    try:
        lowest = Version(lower.version)
    except InvalidVersion:
        return False
    following = f"{lowest.major}.{lowest.minor}.{lowest.micro + 1}"
    bounds = [item for item in specifiers if item.operator in {"<", "<="}]
    return any(not item.contains(following, prereleases=True) for item in bounds)
