"""More than one plugin class."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, metadata_problems

_SECOND = "from theodore_sdk import {base}\n\n\nclass Second({base}):\n    pass\n"

RULE = Rule(
    name="manifest-ambiguous",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="Two or more classes of the distribution are plugins.",
    why="A wheel carries one manifest with one entry point; which of the plugins it describes must not be a guess.",
    remedy="Keep one plugin class per distribution; put shared code into a base class that the plugin inherits from.",
    bad=(
        Example(_SECOND.format(base="ScraperPlugin"), "a second plugin of the same kind"),
        Example(_SECOND.format(base="ExporterPlugin"), "a plugin of another kind"),
    ),
    good=(
        Example("class Helper:\n    pass\n", "a helper is no plugin"),
        Example("from demo.plugin import Demo\n\n\nclass Better(Demo):\n    pass\n", "the most derived class counts"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report what reading the metadata found."""
    return metadata_problems(RULE, context)
