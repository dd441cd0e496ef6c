"""Metadata that only running the plugin would tell."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, metadata_problems
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="metadata-not-literal",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="get_plugin_info() computes a value instead of writing it down.",
    why="Metadata is read without running the plugin. What is computed could differ from host to host.",
    remedy="Write a literal; module constants, f-strings of constants, concatenation and enum members are fine.",
    bad=(
        Example(plugin(version="open('VERSION').read()"), "read from a file"),
        Example(plugin(tags="[word for word in ('a', 'b')]"), "a comprehension"),
    ),
    good=(
        Example(plugin(version="VERSION", extra='VERSION = "1.0.0"\n'), "a module constant"),
        Example(plugin(homepage='f"https://{HOST}/"', extra='HOST = "example.com"\n'), "an f-string of constants"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found."""
    return metadata_problems(RULE, context)
