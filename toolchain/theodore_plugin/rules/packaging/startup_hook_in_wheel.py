"""Files that run at the start of any interpreter that finds them, or land outside the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from theodore_loader.artifact.contents import hook_reason
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import PYPROJECT

PLACED_ELSEWHERE = (
    ("hatch", "build", "targets", "wheel", "shared-scripts"),
    ("hatch", "build", "targets", "wheel", "shared-data"),
    ("setuptools", "script-files"),
    ("setuptools", "data-files"),
    ("flit", "external-data"),
)
"""Tables under ``[tool]`` that make a build backend write ``*.data/scripts`` or ``*.data/data``."""

RULE = Rule(
    name="startup-hook-in-wheel",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="sitecustomize, usercustomize or a .pth file would be shipped, or files to be placed outside the package.",
    why="Installed, it runs in every Python process of that environment, or on the user's path, before anything is "
    "verified.",
    remedy="Remove the file, or the table; data belongs inside the package.",
    bad=(
        Example("# file: sitecustomize.py\nprint('hello')\n", "sitecustomize"),
        Example("# file: demo.pth\nimport demo\n", "a .pth file"),
        Example(
            f'# file: pyproject.toml\n{PYPROJECT}\n[tool.setuptools]\nscript-files = ["bin/demo"]\n',
            "a script on the user's path",
        ),
    ),
    good=(
        Example("# file: demo/sitecustomize.py\nVALUE = 1\n", "inside a package it is an ordinary module"),
        Example("VALUE = 1\n", "an ordinary module"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at the names of shipped files, then at what the build backend is told to place elsewhere."""
    for member in context.project.members:
        name = member.removeprefix("src/")
        if reason := hook_reason(name):
            yield report(RULE, Location(member), f"{name} {reason}")
    for keys in PLACED_ELSEWHERE:
        if _at(context.project.pyproject.get("tool"), keys):
            table = ".".join(("tool", *keys))
            where = context.project.locate(f"[{table}]", f"{keys[-1]} =", keys[-1])
            yield report(RULE, where, f"{table} places files outside the package")


def _at(table: object, keys: Sequence[str]) -> object:
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table
