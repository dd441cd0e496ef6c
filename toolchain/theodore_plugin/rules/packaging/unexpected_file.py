"""Files that belong to the author's workshop, not into a plugin."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.artifact.contents import unexpected_reason
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="unexpected-file",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="A key, an .env file, something in a hidden folder, bytecode or an archive would be shipped.",
    why="Secrets leak this way, and what cannot be read cannot be reviewed. Hosts refuse a wheel that holds one.",
    remedy="Move the file out of the package, or exclude it from the build.",
    bad=(
        Example("# file: demo/.env\nACME_API_KEY=abc\n", "settings of the author's machine"),
        Example("# file: demo/data/id_ed25519\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "a private key"),
    ),
    good=(
        Example("# file: demo/data/words.txt\nhello\n", "data"),
        Example("# file: .env\nACME_API_KEY=abc\n", "beside the package it is not shipped"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Judge every shipped file by its name, and data by its beginning, as hosts judge the entries of a wheel."""
    sources = {file.path: file.data for file in context.project.files}
    for member in context.project.members:
        content = sources.get(member, context.project.heads.get(member, b""))
        if reason := unexpected_reason(member, content):
            yield report(RULE, Location(member), f"{member} {reason}")
