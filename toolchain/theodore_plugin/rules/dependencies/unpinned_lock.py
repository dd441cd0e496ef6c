"""A lock that leaves open what is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.lock_examples import lock, package
from theodore_plugin.rules.dependencies.locked import Locked, read_locked, requirements

if TYPE_CHECKING:
    from packaging.requirements import Requirement

RULE = Rule(
    name="unpinned-lock",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The lock is no valid pylock.toml, names no version, or lacks what the plugin or an interpreter needs.",
    why="What is not pinned is decided at install time, by whoever controls the index then.",
    remedy="Lock again: `theodore-plugin lock`. Where a host has another Python or platform, the author declares it "
    "(`requires-python`, `platforms` in `[tool.theodore-plugin]`) and locks again.",
    bad=(
        Example(lock(package("httpx", version=None)), "no version"),
        Example(lock(package("h11")), "httpx is required and not locked"),
    ),
    good=(
        Example(lock(package("httpx"), package("h11")), "everything at one version"),
        Example("VALUE = 1\n", "a source tree without a lock gets one when it is packaged"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Read the lock, then look for what is required in it."""
    locked, needs = read_locked(context.project), list(requirements(context.project))
    if locked is None:
        if context.project.is_wheel and needs:
            where = Location(context.project.project_file)
            yield report(RULE, where, f"the wheel requires {needs[0].name} and carries no pylock.toml")
        return
    if locked.defect is not None and ".hashes" not in locked.defect:  # hashes are unhashed-lock's
        yield report(RULE, Location(locked.path), f"no valid lock: {locked.defect}")
    yield from _unpinned(locked)
    for need in needs if locked.packages or locked.defect is None else ():
        problem = _unsatisfied(need, locked)
        if problem:
            yield report(RULE, context.project.locate(f'"{need.name}', need.name), problem, subject=need.name)


def _unpinned(locked: Locked) -> Iterator[Finding]:
    for entry in locked.packages:
        if not isinstance(entry.get("version"), str) and not {"vcs", "directory", "archive"} & set(entry):
            yield report(RULE, locked.locate(entry), f"the lock names no version of {entry.get('name')}")


def _unsatisfied(need: Requirement, locked: Locked) -> str | None:
    entries = [entry for entry in locked.packages if canonicalize_name(str(entry.get("name"))) == _name(need)]
    if not entries:
        return f"{need.name} is required, and the lock has none"
    versions = [version for entry in entries if (version := _version(entry)) is not None]
    if versions and not any(need.specifier.contains(version, prereleases=True) for version in versions):
        return f"{need} is required, and the lock has {', '.join(map(str, versions))}"
    return None


def _name(need: Requirement) -> str:
    return canonicalize_name(need.name)


def _version(entry: Mapping[str, Any]) -> Version | None:
    try:
        return Version(str(entry.get("version")))
    except InvalidVersion:
        return None
