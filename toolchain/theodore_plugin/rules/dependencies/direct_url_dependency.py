"""A dependency from a place instead of from the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import pyproject

_PLACE = re.compile(r"(?:^|@\s*|\s)(?:git\+|hg\+|svn\+|bzr\+|https?:|file:|ssh:|ftp:|\.{0,2}/)", re.IGNORECASE)

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
    """Look at every requirement of the distribution, optional and build ones included."""
    for line in _lines(context):
        if _PLACE.search(line):
            yield report(RULE, context.project.locate(line), f"{line!r} is a place, not a published version")


def _lines(context: RuleContext) -> Iterator[str]:
    yield from _strings(context.project.table.get("dependencies"))
    for extra in (context.project.table.get("optional-dependencies") or {}).values():
        yield from _strings(extra)
    yield from _strings(context.project.pyproject.get("build-system", {}).get("requires"))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (item for item in value if isinstance(item, str))
