"""Importing the host instead of the SDK."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

HOST_PACKAGES = ("src", "theodore", "theodore_loader", "theodore_plugin")
_IMPORTERS = ("importlib.import_module", "builtins.__import__", "importlib.__import__")

RULE = Rule(
    name="host-internals-import",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="The plugin imports the host's own packages instead of theodore_sdk.",
    why="The host is not importable inside the worker, and its internals change without notice.",
    remedy="Import from theodore_sdk; ask the host for services through container.resolve(name).",
    bad=(
        Example("from src.core.ports.scraper import ScraperPort\n", "a module of the host"),
        Example("def late():\n    import theodore.container\n", "inside a function"),
    ),
    good=(
        Example("from theodore_sdk import ScraperPlugin\n", "the SDK"),
        Example("from .plugin import Demo\n", "the plugin's own module"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every import, once per module and line."""
    for facts in context.facts.values():
        seen = set()
        for node in m.walk(facts.body):
            for target in context.names.foreign_imports(facts, node):
                key = (target, node.span.line)
                if target.split(".", 1)[0] in HOST_PACKAGES and key not in seen:
                    seen.add(key)
                    yield report(RULE, node.span.at(facts.path), f"imports {target}, which belongs to the host")
    yield from _by_name(context)


def _by_name(context: RuleContext) -> Iterator[Finding]:
    """Look at modules named in text, where the text is known."""
    for call, _ in context.inference.calls_of(*_IMPORTERS):
        for name in call.texts[0] if call.texts else ():
            if name.split(".", 1)[0] in HOST_PACKAGES and not context.names.is_own(name):
                yield report(RULE, call.location, f"imports {name}, which belongs to the host")
