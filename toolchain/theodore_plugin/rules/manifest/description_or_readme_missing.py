"""Nothing that says what the plugin is for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin, pyproject

_README = re.compile(r"readme(?:\.\w+)?", re.IGNORECASE)

RULE = Rule(
    name="description-or-readme-missing",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="The description is empty, or [project] readme names no file that is there.",
    why="Whoever decides about the plugin reads these first, in the registry and before consenting to permissions.",
    remedy='Write one sentence into description, a README.md, and readme = "README.md" into [project].',
    bad=(
        Example(plugin(description='""'), "no description"),
        Example(pyproject('readme = "README.md"\n', ""), "the README is not part of the metadata"),
    ),
    good=(
        Example(plugin(), "both"),
        Example(pyproject('readme = "README.md"', 'readme = {text = "Scrapes", content-type = "text/plain"}'), "text"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Ask for the description, then for the long one."""
    description = context.metadata.values.get("description")
    if isinstance(description, str) and not description.strip():
        yield report(RULE, context.where("/description"), "the description is empty")
    problem = _readme_problem(context) if context.project.table and context.metadata.plugin else None
    if problem:
        yield report(RULE, Location(context.project.project_file), problem)


def _readme_problem(context: RuleContext) -> str | None:
    table = context.project.table
    dynamic = table.get("dynamic")
    if isinstance(dynamic, list) and "readme" in dynamic:
        return None
    readme = table.get("readme")
    if isinstance(readme, Mapping):
        readme = readme.get("file") or (None if readme.get("text") else "")
        if readme is None:
            return None
    if context.project.is_wheel:
        return None if readme else "the wheel's METADATA has no long description"
    files = (*context.project.beside, *context.project.members)
    if readme:
        return None if readme in files else f"readme names {readme}, which is not there"
    there = next((path for path in files if _README.fullmatch(path)), None)
    return f"{there} is there, but [project] has no readme" if there else "there is no README"
