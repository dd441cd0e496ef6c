"""A list of used SDK names that is not about this code."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.packaging.api_usage import differences, from_json, usage_of
from theodore_plugin.project.model import API_USAGE_NAME
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="api-lock-stale",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="`api-usage.json` does not list what the code uses of the SDK.",
    why="It answers which plugins a change of the SDK breaks, without their code. A wrong list hides a plugin from "
    "that question until it fails at its users.",
    remedy="Build the wheel again with `theodore-plugin package`; in a source tree remove the file.",
    bad=(
        Example(f'# file: {API_USAGE_NAME}\n{{"schema": 1, "symbols": [], "hooks": []}}\n', "lists nothing"),
        Example(f"# file: {API_USAGE_NAME}\nnothing\n", "is no list"),
    ),
    good=(
        Example("VALUE = 1\n", "a source tree needs none"),
        Example("import theodore_sdk\n", "the list is made when it is packaged"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """List the uses again and compare."""
    project = context.project
    if project.api_usage is None:
        return
    where = Location(project.project_file if project.is_wheel else API_USAGE_NAME)
    try:
        stated = from_json(project.api_usage)
    except ValueError as defect:
        yield report(RULE, where, f"{API_USAGE_NAME} cannot be read: {defect}")
        return
    for difference in differences(stated, usage_of(context)):
        yield report(RULE, where, f"{API_USAGE_NAME} is stale: {difference}")
