"""No plugin class, or one without metadata."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, metadata_problems

RULE = Rule(
    name="manifest-missing",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="No class descends from a theodore_sdk base class, or the one that does has no get_plugin_info().",
    why="Without metadata a host knows neither what the plugin is nor what it asks for, and does not load it.",
    remedy="Derive one class from the base class of your category and return a literal PluginInfo(...).",
    bad=(
        Example("# file: demo/plugin.py\nclass Demo:\n    pass\n", "a class of nobody's family"),
        Example(
            "# file: demo/plugin.py\nfrom theodore_sdk import ScraperPlugin\n\nclass Demo(ScraperPlugin):\n    pass\n",
            "a plugin class without metadata",
        ),
    ),
    good=(
        Example("VALUE = 1\n", "beside a complete plugin"),
        Example("from demo.plugin import Demo\n\nPLUGIN = Demo\n", "re-exporting the plugin class"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found."""
    return metadata_problems(RULE, context)
