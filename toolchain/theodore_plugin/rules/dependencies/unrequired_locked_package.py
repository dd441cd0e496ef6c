"""A distribution in the lock that nothing asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.lock_examples import lock, package
from theodore_plugin.rules.dependencies.locked import Locked, parsed, read_locked
from theodore_plugin.rules.examples import plugin, pyproject

_H11 = 'dependencies = [{ name = "h11" }]\n'
_NONE = "dependencies = []\n"

RULE = Rule(
    name="unrequired-locked-package",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="The lock holds a distribution that neither the plugin nor anything it requires depends on.",
    why="It is installed into the plugin's environment all the same: a way to bring code along that no list of "
    "dependencies shows. A lock need not record who depends on whom, some do not: then a check can judge only "
    "where nothing is required at all, and the host refuses it, once it has the wheels and their requirements.",
    remedy="Lock again: `theodore-plugin lock`; or declare it as a dependency.",
    bad=(
        Example(
            lock(package("httpx", more=_H11), package("h11", more=_NONE), package("stowaway", more=_NONE)),
            "the recorded dependencies do not lead to it",
        ),
        Example(
            pyproject('dependencies = ["httpx>=0.27"]', "dependencies = []")
            + plugin(required_packages="[]")
            + lock(package("stowaway")),
            "nothing is required",
        ),
    ),
    good=(
        Example(lock(package("httpx", more=_H11), package("h11", more=_NONE)), "required by what is required"),
        Example(lock(package("httpx"), package("h11")), "a lock that does not record who depends on whom"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Follow the recorded dependencies from what the plugin requires, and report what was not met."""
    locked = read_locked(context.project)
    if locked is None or locked.defect is not None:
        return
    needed = _closure(_roots(context.project.table), locked)
    for entry in locked.packages if needed is not None else ():
        name = canonicalize_name(str(entry.get("name")))
        if needed is not None and name not in needed:
            yield report(RULE, locked.locate(entry), f"{name} is locked, and nothing requires it", subject=name)


def _roots(table: Mapping[str, Any]) -> set[str]:
    """Name everything the project requires anywhere: extras and conditions of other platforms included."""
    extras = table.get("optional-dependencies", {}).values()
    lines = [*table.get("dependencies", ()), *(line for extra in extras for line in extra)]
    return {canonicalize_name(need.name) for need in parsed(lines)}


def _closure(roots: Iterable[str], locked: Locked) -> set[str] | None:
    """Return what is required, directly or not; ``None`` if a package on the way does not say what it needs."""
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for entry in locked.packages:
        entries.setdefault(canonicalize_name(str(entry.get("name"))), []).append(entry)
    found: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        for entry in entries.get(name, ()):
            recorded = entry.get("dependencies")
            if not isinstance(recorded, list):
                return None
            pending += [canonicalize_name(str(item.get("name"))) for item in recorded if isinstance(item, Mapping)]
    return found
