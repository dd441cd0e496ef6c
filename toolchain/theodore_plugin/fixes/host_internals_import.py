"""What the SDK exports is imported from the SDK."""

from __future__ import annotations

import re

import theodore_sdk
from theodore_plugin.facts import model as m
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.imports import SDK
from theodore_plugin.fixes.model import Fix, NoFix

RULE = "host-internals-import"
SAFE = False
DOES = "Import from `theodore_sdk`, if that has every name of the statement. It is assumed to be the same thing."
_FROM = re.compile(r"from\s+(?P<module>[\w.]+)\s+import\b")


def fix(finding: Finding, context: FixContext) -> Fix:
    """Write another module behind ``from``."""
    source = context.source(finding.location.path)
    start, end = source.logical_line(source.extent(finding.location)[0])
    statement = _FROM.match(source.text[start:end].lstrip())
    names = _imported(context, finding, start, end)
    if statement is None or not names or not names <= set(theodore_sdk.__all__):
        raise NoFix("the SDK does not have every name of the statement")
    begin = end - len(source.text[start:end].lstrip()) + statement.start("module")
    edit = source.replace(begin, begin + len(statement["module"]), SDK)
    return Fix(RULE, SAFE, (edit,), f"import from {SDK}")


def _imported(context: FixContext, finding: Finding, start: int, end: int) -> set[str]:
    source = context.source(finding.location.path)
    found = set()
    for node in m.walk(context.facts(finding.location.path).body):
        if isinstance(node, m.ImportFrom) and not node.level:
            offset = source.offset(node.span.line, node.span.column + 1)
            if start <= offset < end:
                found.add(node.attribute)
    return found
