"""Reaching for the machinery that watches the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.code.writes import foreign_writes
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.sites import Site

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
_MUTATORS = ("__setitem__", "append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update")
TABLE_CALLS = tuple(f"{table}.{name}" for table in MODULE_TABLES for name in _MUTATORS)

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
    for call, name in context.inference.calls_of(*TABLE_CALLS):
        yield report(RULE, call.location, f"writes {name.rpartition('.')[0]}", subject=call.function)
    for facts in context.facts.values():
        for node in m.walk(facts.body):
            yield from _syntax(facts, node)
    yield from _writes(context)


def _syntax(facts: m.ModuleFacts, node: m.Node) -> Iterator[Finding]:
    if isinstance(node, m.Attribute) and node.attr in ATTRIBUTES:
        yield report(RULE, node.span.at(facts.path), f"reads {node.attr}")
    if isinstance(node, m.Call) and any((argument.keyword or "").startswith("co_") for argument in node.arguments):
        yield report(RULE, node.span.at(facts.path), "makes a code object out of another one")


def _writes(context: RuleContext) -> Iterator[Finding]:
    """Look at writes to builtins, to tables of modules, and to the code of functions."""
    for write in foreign_writes(context):
        if write.owner == "builtins":
            yield report(RULE, write.location, f"writes {write.target}")
    assigned = ((site, target) for site, node in context.sites.of(m.Assign) for target in node.targets)
    deleted = ((site, target) for site, node in context.sites.of(m.Delete) for target in node.targets)
    for site, target in chain(assigned, deleted):
        written = _written(context, site, target)
        if written:
            yield report(RULE, target.span.at(site.facts.path), f"writes {written}")


def _written(context: RuleContext, site: Site, target: m.Expr) -> str | None:
    if isinstance(target, m.Attribute):
        return "__code__" if target.attr == "__code__" else _builtin(target.value, target.attr)
    if not isinstance(target, m.Subscript):
        return None
    path = context.sites.path(site, target.value)
    return path if path in MODULE_TABLES else _builtin(target.value, "[…]")


def _builtin(owner: m.Expr, name: str) -> str | None:
    """Name a write to ``__builtins__``, which is a module here and a dict there."""
    return f"__builtins__ {name}" if isinstance(owner, m.Name) and owner.id == "__builtins__" else None
