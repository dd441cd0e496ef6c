"""Places where inference ends."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="unanalyzable-capability",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="Dynamic code, native code or an unknown library: what happens behind it cannot be read off the source.",
    why="The list of inferred permissions is complete only up to here; the sandbox is what holds beyond.",
    remedy="Use something that can be analysed, or declare native or dynamic_code with its reason.",
    bad=(
        Example("def run(text):\n    return eval(text)\n", "code from a string"),
        Example("import unheard_of_library\n\nunheard_of_library.go()\n", "a library nobody described"),
    ),
    good=(
        Example("import ast\n\n\ndef read(text):\n    return ast.literal_eval(text)\n", "reads values only"),
        Example("import importlib\n\njson = importlib.import_module('json')\n", "a constant import"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report every unknown, a library once."""
    seen = set()
    for item in context.inference.unknown:
        key = item.reason if item.reason.endswith("capability map") else (item.reason, item.location)
        if key not in seen:
            seen.add(key)
            yield report(RULE, item.location, item.reason, evidence=item.chain)
