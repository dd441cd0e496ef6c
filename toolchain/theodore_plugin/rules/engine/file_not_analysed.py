"""A file that would be shipped and could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="file-not-analysed",
    severity=Severity.INCOMPLETE,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="A file could not be read, decoded or parsed, or exceeds the limits of the analysis.",
    why="What was not looked at must not look clean.",
    remedy="Correct the file: UTF-8, valid syntax, ordinary size and nesting.",
    bad=(
        Example("def broken(:\n    pass\n", "a syntax error"),
        Example("# coding: rot13\nvzcbeg bf\n", "an encoding that hides the text"),
    ),
    good=(
        Example("VALUE = 1\n", "an ordinary file"),
        Example("# coding: utf-8\nname = 'Zo\u00eb'\n", "declared UTF-8"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report failed and unreadable files."""
    for failure in context.failures:
        yield report(RULE, Location(failure.path, failure.line, failure.column), f"not analysed: {failure.reason}")
    for gap in context.project.unreadable:
        yield report(RULE, Location(gap.path), f"not analysed: {gap.reason}")
