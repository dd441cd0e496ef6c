"""The bases of a class contradict each other about their order."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.mro import InconsistentOrder, Linearisation
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.metadata.plugin_class import own_classes
from theodore_plugin.rules.context import RuleContext, report

RULE = Rule(
    name="inconsistent-mro",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="No order of lookup satisfies what the bases of a class demand.",
    why="Python refuses to create such a class: importing the module is a TypeError, and the plugin never starts.",
    remedy="List derived classes before the classes they derive from, and every class once.",
    bad=(
        Example("class Base: pass\nclass Derived(Base): pass\nclass Both(Base, Derived): pass\n", "the base first"),
        Example(
            "from theodore_sdk import PluginInterface, ScraperPlugin\n\n"
            "class Mixed(PluginInterface, ScraperPlugin): pass\n",
            "the SDK's bases the wrong way round",
        ),
        Example(
            "class A: pass\nclass B: pass\nclass X(A, B): pass\nclass Y(B, A): pass\nclass Z(X, Y): pass\n",
            "two bases that disagree",
        ),
    ),
    good=(
        Example("class Base: pass\nclass Derived(Base): pass\nclass Both(Derived, Base): pass\n", "derived first"),
        Example(
            "from typing import Generic, TypeVar\n\nT = TypeVar('T')\n\nclass Base(Generic[T]): pass\n"
            "class Derived(Generic[T], Base[T]): pass\n",
            "Generic gives way",
        ),
        Example("class Failure(OSError, ValueError): pass\n", "builtins that share only Exception"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Linearise every class; one contradiction is reported where it arises, not in every class below."""
    seen: set[int] = set()
    orders = Linearisation(context.names, context.contracts.bases)
    for cls in own_classes(context.names):
        try:
            orders.of(cls)
        except InconsistentOrder as problem:
            where = problem.cls
            if id(where.node) not in seen:
                seen.add(id(where.node))
                message = f"{where.node.name} cannot be created: no order satisfies {' and '.join(problem.names)}"
                location = where.node.name_span.at(where.module.path)
                yield report(RULE, location, message, subject=where.node.name)
