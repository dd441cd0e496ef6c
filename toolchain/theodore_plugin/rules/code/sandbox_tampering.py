"""Reaching for the machinery that watches the plugin."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

CALLS = (
    "gc.get_objects",
    "gc.get_referents",
    "gc.get_referrers",
    "inspect.currentframe",
    "inspect.stack",
    "sys._current_frames",
    "sys._getframe",
    "sys.addaudithook",
    "sys.setprofile",
    "sys.settrace",
    "threading.setprofile",
    "threading.settrace",
)
ATTRIBUTES = frozenset(
    {
        "__builtins__",
        "__globals__",
        "__subclasses__",
        "ag_frame",
        "cr_frame",
        "f_back",
        "f_builtins",
        "f_globals",
        "gi_frame",
    }
)
MODULE_TABLES = ("sys.modules", "sys.meta_path", "sys.path_hooks")

RULE = Rule(
    name="sandbox-tampering",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="Audit hooks, tracing, frame walking, object hunting, or writing to sys.modules or builtins.",
    why="These reach objects that were not handed to the plugin, or replace what others rely on.",
    remedy="Remove it; what a plugin needs, it receives through initialize().",
    bad=(
        Example("import sys\n\nsys.addaudithook(print)\n", "an audit hook"),
        Example("found = ().__class__.__base__.__subclasses__()\n", "a walk over all classes"),
        Example("import builtins\n\nbuiltins.open = None\n", "replacing a builtin"),
    ),
    good=(
        Example("import sys\n\nVERSION = sys.version_info\n", "reading facts"),
        Example("class Shape:\n    pass\n\n\nNAME = Shape.__name__\n", "ordinary introspection"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at calls, attributes (also through getattr), and writes to shared tables."""
    for call, name in context.inference.calls_of(*CALLS):
        yield report(RULE, call.location, f"calls {name}", subject=call.function)
    for call, _name in context.inference.calls_of("builtins.getattr"):
        for text in call.texts[1] if len(call.texts) > 1 else ():
            if text in ATTRIBUTES:
                yield report(RULE, call.location, f"reads {text} through getattr", subject=call.function)
    for facts in context.facts.values():
        for node in m.walk(facts.body):
            yield from _syntax(context, facts, node)


def _syntax(context: RuleContext, facts: m.ModuleFacts, node: m.Node) -> Iterator[Finding]:
    if isinstance(node, m.Attribute) and node.attr in ATTRIBUTES:
        yield report(RULE, node.span.at(facts.path), f"reads {node.attr}")
    if isinstance(node, m.Call) and any((argument.keyword or "").startswith("co_") for argument in node.arguments):
        yield report(RULE, node.span.at(facts.path), "makes a code object out of another one")
    targets = node.targets if isinstance(node, (m.Assign, m.Delete)) else ()
    for target in targets:
        written = _written(context, facts, target)
        if written:
            yield report(RULE, target.span.at(facts.path), f"writes {written}")


def _written(context: RuleContext, facts: m.ModuleFacts, target: m.Expr) -> str | None:
    if isinstance(target, m.Subscript):
        path = context.names.path(facts, target.value)
        return path if path in MODULE_TABLES or path == "__builtins__" else None
    if isinstance(target, m.Attribute):
        if target.attr == "__code__":
            return "__code__"
        path = context.names.path(facts, target.value)
        return f"builtins.{target.attr}" if path in {"builtins", "__builtins__"} else None
    return None
