"""A dependency that has to be built where it is installed."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.lock_examples import SHA256, lock, package
from theodore_plugin.rules.dependencies.locked import files, read_locked

_SDIST = f'sdist = {{ path = "httpx-0.28.1.tar.gz", hashes = {{ sha256 = "{SHA256}" }} }}\n'

RULE = Rule(
    name="sdist-only-dependency",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The lock has no wheel of a dependency, or none for this interpreter.",
    why="Installing a source distribution runs its build: code of a stranger, outside every sandbox.",
    remedy="Choose a version that has wheels.",
    bad=(
        Example(lock(package("httpx", files=_SDIST)), "a source distribution alone"),
        Example(lock(package("httpx"), package("h11", files=_SDIST.replace("httpx", "h11"))), "somewhere in the tree"),
    ),
    good=(
        Example(lock(package("httpx")), "a wheel"),
        Example(lock(package("httpx", more=_SDIST)), "a source distribution beside the wheel"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look for packages that come as source alone."""
    locked = read_locked(context.project)
    for entry in locked.packages if locked else ():
        if locked and "sdist" in entry and not any(files(entry)):
            message = f"the lock has no wheel of {entry.get('name')}, so installing it would run its build"
            yield report(RULE, locked.locate(entry), message, subject=str(entry.get("name")))
