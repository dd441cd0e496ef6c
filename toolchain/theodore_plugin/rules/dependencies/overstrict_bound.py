"""A range of a dependency that keeps its next bug fix out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.locked import parsed
from theodore_plugin.rules.examples import pyproject

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import Specifier

RULE = Rule(
    name="overstrict-bound",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="A dependency is pinned to one release, or its upper bound excludes compatible ones.",
    why="The lock already says which release is installed. A bound in the metadata also keeps the fixed one out, and "
    "two plugins that pin differently cannot be developed or tested in one environment.",
    remedy="Bound by the next major version (for 0.x: the next minor one), or not at all: httpx>=0.27,<1.",
    bad=(
        Example(pyproject('"httpx>=0.27"', '"httpx==0.28.1"'), "one release"),
        Example(pyproject('"httpx>=0.27"', '"httpx>=2.1,<2.2"'), "one minor version of a stable library"),
    ),
    good=(
        Example(pyproject('"httpx>=0.27"', '"httpx>=0.27,<1"'), "the next major version"),
        Example(pyproject('"httpx>=0.27"', '"httpx>=0.27,<0.28"'), "below 1.0 every minor version may break"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at the bounds of every dependency."""
    for need in parsed(context.project.table.get("dependencies", ())):
        problem = _problem(need)
        if problem:
            where = context.project.locate(f'"{need.name}', f"'{need.name}", need.name)
            yield report(RULE, where, f"{need.name} {need.specifier} {problem}", subject=need.name)


def _problem(need: Requirement) -> str | None:
    lowest = min((version for item in need.specifier if (version := _lower(item))), default=None)
    for item in need.specifier:
        if item.operator == "===" or (item.operator == "==" and not item.version.endswith(".*")):
            return "admits a single release"
        if _excludes_compatible(item, lowest):
            return "excludes compatible releases"
    return None


def _lower(item: Specifier) -> Version | None:
    return _version(item.version) if item.operator in {">=", ">", "~=", "=="} else None


def _excludes_compatible(item: Specifier, lowest: Version | None) -> bool:
    """Whether the bound lies within the series that the lower bound begins."""
    if item.operator in {"==", "~="}:
        length = len(item.version.removesuffix(".*").split(".")) - (item.operator == "~=")
        series = _version(item.version.removesuffix(".*"))
        return series is not None and length > _series_length(series)
    bound = _version(item.version)
    if item.operator not in {"<", "<="} or bound is None or lowest is None:
        return False
    length = _series_length(lowest)
    return _series(bound, length) == _series(lowest, length) and bound > lowest


def _series_length(version: Version) -> int:
    """Return how many components stay the same among compatible releases: 1 for 2.x, 2 for 0.x."""
    return 1 if version.major else 2


def _series(version: Version, length: int) -> tuple[int, ...]:
    return (version.major, version.minor)[:length]


def _version(text: str) -> Version | None:
    try:
        return Version(text.removesuffix(".*"))
    except InvalidVersion:
        return None
