"""A bill of materials that is not about what is shipped."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.artifact.lock import read_lock
from theodore_loader.errors import Refused
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.packaging.sbom import differences, read_listed
from theodore_plugin.project.model import SBOM_NAME
from theodore_plugin.rules.context import RuleContext, report

_PLUGIN = (
    '{{"bomFormat": "CycloneDX", "metadata": {{"component": {{"name": "demo", "version": "{}"}}}}, "components": [{}]}}'
)
_H11 = '{"name": "h11", "version": "0.16.0"}'

RULE = Rule(
    name="sbom-missing-or-stale",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A wheel has no bill of materials, or it lists other files than the lock.",
    why="Whoever has to know whether a library is in use asks the bill of materials, not the lock. One that lists "
    "something else gives the wrong answer on the day it matters.",
    remedy="Build the wheel with `theodore-plugin package`, which writes one that follows from manifest and lock.",
    bad=(
        Example(f"# file: {SBOM_NAME}\n{_PLUGIN.format('0.9.0', '')}\n", "about another version"),
        Example(f"# file: {SBOM_NAME}\n{_PLUGIN.format('1.0.0', _H11)}\n", "lists what is not locked"),
    ),
    good=(
        Example(f"# file: {SBOM_NAME}\n{_PLUGIN.format('1.0.0', '')}\n", "agrees with the lock"),
        Example("VALUE = 1\n", "a source tree needs none"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare the list with the lock; a source tree is asked only if it keeps one."""
    project = context.project
    where = Location(project.project_file if project.is_wheel else SBOM_NAME)
    if project.sbom is None:
        if project.is_wheel:
            yield report(RULE, where, "the wheel carries no bill of materials")
        return
    try:
        listed = read_listed(project.sbom)
        lock = read_lock(project.lock) if project.lock is not None else None
    except ValueError as defect:
        yield report(RULE, where, f"the bill of materials cannot be read: {defect}")
        return
    except Refused:  # the lock has rules of its own
        return
    for difference in differences(listed, (str(project.name), str(project.version)), lock):
        yield report(RULE, where, f"the bill of materials is stale: {difference}")
