"""The declared category and the implemented base class differ."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import METHODS, plugin
from theodore_sdk.info import PluginCategory

RULE = Rule(
    name="kind-mismatch",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="category says one kind of plugin, the base class is of another.",
    why="The host calls the methods of the declared category; they are not there.",
    remedy="Derive from the base class of the declared category, or declare the category of the base class.",
    bad=(
        Example(plugin(category="PluginCategory.STORAGE"), "declares storage, implements a scraper"),
        Example(
            plugin(METHODS, base="PluginInterface", extra="from theodore_sdk import PluginInterface\n"),
            "implements no category at all",
        ),
    ),
    good=(
        Example(plugin(), "a scraper"),
        Example(plugin(category='PluginCategory("scraper")'), "the member by its value"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare the category with the base classes."""
    category = context.metadata.values.get("category")
    if not isinstance(category, PluginCategory) or context.metadata.plugin is None:
        return
    bases = context.plugin_bases()
    kinds = {context.contracts.bases[base].category for base in bases} - {None}
    if category.value not in kinds:
        found = " and ".join(bases)
        wanted = next(name for name, base in context.contracts.bases.items() if base.category == category.value)
        message = f"category is {category.value}, but the class derives from {found}"
        yield report(RULE, context.where("/category"), message, f"derive from {wanted}, or change the category")
