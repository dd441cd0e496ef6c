"""A dependency from a place instead of from the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.dependencies.locked import read_locked
from theodore_plugin.rules.examples import pyproject

_PLACE = re.compile(r"(?:^|@\s*|\s)(?:git\+|hg\+|svn\+|bzr\+|https?:|file:|ssh:|ftp:|\.{0,2}/)", re.IGNORECASE)
_DIRECT = frozenset({"vcs", "directory", "archive"})
"""Keys of a locked package that PEP 751 has for sources other than an index."""

RULE = Rule(
    name="direct-url-dependency",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A requirement points at a URL, a repository or a file.",
    why="Such a source has no version, no stable hash and no advisories, and building it runs its code.",
    remedy="Depend on a published version.",
    bad=(
        Example(pyproject('"httpx>=0.27"', '"httpx @ file:///home/ada/httpx"'), "a file"),
        Example(pyproject('"httpx>=0.27"', '"httpx @ git+https://example.com/httpx"'), "a repository"),
    ),
    good=(
        Example(pyproject(), "a version range"),
        Example(pyproject('"httpx>=0.27"', '"httpx[http2]>=0.27"'), "with an extra"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every requirement of the distribution, optional and build ones included, and at the lock."""
    for line in _lines(context):
        if _PLACE.search(line):
            yield report(RULE, context.project.locate(line), f"{line!r} is a place, not a published version")
    locked = read_locked(context.project)
    for entry in locked.packages if locked else ():
        if locked and (kinds := _DIRECT & set(entry)):
            message = f"the lock takes {entry.get('name')} from a place ({', '.join(sorted(kinds))}), not from an index"
            yield report(RULE, locked.locate(entry), message)


def _lines(context: RuleContext) -> Iterator[str]:
    yield from _strings(context.project.table.get("dependencies"))
    for extra in (context.project.table.get("optional-dependencies") or {}).values():
        yield from _strings(extra)
    yield from _strings(context.project.pyproject.get("build-system", {}).get("requires"))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (item for item in value if isinstance(item, str))
