"""Files that run at the start of any interpreter that finds them."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="startup-hook-in-wheel",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="sitecustomize.py, usercustomize.py or a .pth file would be shipped at the top level.",
    why="Installed, it runs in every Python process of that environment, before anything is verified.",
    remedy="Remove the file.",
    bad=(
        Example("# file: sitecustomize.py\nprint('hello')\n", "sitecustomize"),
        Example("# file: demo.pth\nimport demo\n", "a .pth file"),
    ),
    good=(
        Example("# file: demo/sitecustomize.py\nVALUE = 1\n", "inside a package it is an ordinary module"),
        Example("VALUE = 1\n", "an ordinary module"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at the names of shipped top-level files."""
    for member in context.project.members:
        name = member.removeprefix("src/")
        if "/" not in name and (name.endswith(".pth") or name in {"sitecustomize.py", "usercustomize.py"}):
            yield report(RULE, Location(member), f"{name} would run at the start of every interpreter")
