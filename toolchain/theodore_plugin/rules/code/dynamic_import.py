"""Importing a module whose name is made at run time."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.values import HOLE
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="dynamic-import",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="importlib.import_module or __import__ is called with a name that is not constant.",
    why="What is imported, and what it can do, is not visible in the source.",
    remedy="Write a table from name to module with constant imports.",
    bad=(
        Example("import importlib\n\n\ndef load(name):\n    return importlib.import_module(name)\n", "a parameter"),
        Example("def load(name):\n    return __import__(f'plugins.{name}')\n", "partly computed"),
    ),
    good=(
        Example("import importlib\n\njson = importlib.import_module('json')\n", "a constant"),
        Example("NAME = 'json'\njson = __import__(NAME)\n", "a module constant"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at import calls without constant names."""
    for call, name in context.inference.calls_of(
        "importlib.import_module", "builtins.__import__", "importlib.__import__"
    ):
        names = call.texts[0] if call.texts else ()
        if not names or any(HOLE in text for text in names):
            yield report(RULE, call.location, f"{name.removeprefix('builtins.')} of a name made at run time")
