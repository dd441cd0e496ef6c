"""The code can do something the plugin does not ask for."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import InferredPermission, Phase
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin
from theodore_plugin.rules.permissions.comparison import UNREACHED_NOTE, describe, line_to_add, of_kind, readable

RULE = Rule(
    name="undeclared-permission",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="The plugin's code exercises a permission that no PluginPermission declares.",
    why="Whoever installs the plugin decides by its declaration. At run time the act would be denied.",
    remedy="Declare the permission with its reason, or remove the code.",
    bad=(
        Example("import subprocess\n\n\ndef run():\n    subprocess.run(['git', 'status'])\n", "a program"),
        Example(
            "import os as system\n\nkey = getattr(system, 'environ')['ACME_KEY']\n", "a variable, through an alias"
        ),
        Example(plugin(permissions="[]"), "the network, not declared"),
    ),
    good=(
        Example("import json\n\n\ndef parse(text):\n    return json.loads(text)\n", "needs no permission"),
        Example(plugin(), "declared"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report every place that needs a kind of permission nobody declared, once per place."""
    if not context.declaration_is_readable:
        return
    declared = readable(context.declared)
    seen: set[tuple[object, ...]] = set()
    for item in context.inference.permissions:
        key = (item.permission, item.access, item.target, item.location)
        if not item.within and not of_kind(declared, item) and key not in seen:
            seen.add(key)
            yield _finding(item)


def _finding(item: InferredPermission) -> Finding:
    note = UNREACHED_NOTE if item.phase is Phase.UNREACHED else ""
    message = f"{item.symbol.removeprefix('builtins.')} needs {describe(item)}, which is not declared{note}"
    help_text = f"add to permissions: {line_to_add(item)}"
    return report(
        RULE, item.location, message, help_text, evidence=item.chain, subject=f"{item.permission.value}:{item.symbol}"
    )
