"""Metadata that can be read and is wrong: missing arguments, wrong types, bad patterns."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.permissions import PatternError, Permission
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, metadata_problems, report
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="manifest-invalid",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="PluginInfo(...) misses an argument, has one of the wrong type, or a pattern outside its grammar.",
    why="The manifest is compiled from this literal; a host refuses one that does not fit the schema.",
    remedy="Correct the argument named; docs/permissions.md has the grammar of patterns.",
    bad=(
        Example(plugin(max_python_version=None), "a required argument is missing"),
        Example(plugin(tags='"web"'), "a string where a list belongs"),
        Example(
            plugin(
                permissions='[PluginPermission(PermissionType.NETWORK, "Reads pages", pattern="https://x.example/")]'
            ),
            "a URL is no network pattern",
        ),
    ),
    good=(
        Example(plugin(), "complete"),
        Example(plugin(max_python_version='"3.13"', tags='["web"]'), "optional values written out"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found, then patterns outside their grammar."""
    yield from metadata_problems(RULE, context)
    for number, declared in enumerate(context.declared):
        try:
            Permission.parse(declared.type, declared.pattern)
        except PatternError as problem:
            where = context.where(f"/permissions/{number}/pattern")
            yield report(RULE, where, f"pattern {declared.pattern!r}: {problem.defect}", problem.remedy)
