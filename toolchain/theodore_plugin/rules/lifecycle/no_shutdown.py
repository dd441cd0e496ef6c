"""A class that starts something and cannot stop it."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.metadata.plugin_class import ancestors, own_classes, sdk_base
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import METHODS, plugin
from theodore_plugin.rules.lifecycle.resources import (
    SHUTDOWN,
    calls_by_place,
    does_nothing,
    ended_attributes,
    methods,
    own_attribute,
    resource,
)

HARMLESS_BASES = frozenset({"abc.ABC", "object", "builtins.object", "typing.Generic", "typing.Protocol"})
_IDLE = METHODS.replace("        await self.client.aclose()\n", "        pass\n")

RULE = Rule(
    name="no-shutdown",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A class starts a thread, task, server or process, or opens something, and has no method that ends it.",
    why="The host calls cleanup() before it unloads a plugin; what goes on afterwards blocks the worker or loses data.",
    remedy="End it in cleanup(): cancel, join, close.",
    bad=(
        Example(plugin(_IDLE), "a client is opened, cleanup() does nothing"),
        Example(
            "import threading\n\n\nclass Poller:\n    def start(self):\n"
            "        self.thread = threading.Thread(target=self.run)\n        self.thread.start()\n\n"
            "    def run(self):\n        pass\n",
            "a thread, and no way to stop it",
        ),
    ),
    good=(
        Example(plugin(), "closed in cleanup()"),
        Example(
            "import threading\n\n\nclass Poller:\n    def start(self):\n"
            "        self.thread = threading.Thread(target=self.run)\n        self.thread.start()\n\n"
            "    def run(self):\n        pass\n\n    def stop(self):\n        self.thread.join()\n",
            "with a stop()",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at what every class keeps in ``self``."""
    made = calls_by_place(context.inference)
    for cls in own_classes(context.names):
        if not _can_be_judged(context, cls):
            continue
        known = methods(context.names, cls)
        ends = [function for name, function in known.items() if name.strip("_") in _ENDS]
        if any(not does_nothing(function) for function in ends):
            continue
        ended = ended_attributes(known.values())
        for location, attribute, kind in _kept(cls, made):
            if attribute in ended:
                continue
            how = f"{ends[0].name}() does nothing" if ends else "has no method that ends it"
            message = f"{cls.node.name} keeps {kind} in self.{attribute} and {how}"
            yield report(RULE, location, message, subject=f"{cls.node.name}.{attribute}")


_ENDS = frozenset(name.strip("_") for name in SHUTDOWN)


def _can_be_judged(context: RuleContext, cls: OwnClass) -> bool:
    """Whether all ancestors are known: a foreign base may end things in its own way."""
    foreign = ancestors(context.names, cls)[1]
    return all(path in HARMLESS_BASES or sdk_base(path) for path in foreign)


def _kept(cls: OwnClass, made: dict[Location, tuple[str, ...]]) -> Iterator[tuple[Location, str, str]]:
    """Iterate over resources a class assigns to attributes of ``self``."""
    path = cls.module.path
    for node in m.walk(cls.node):
        if isinstance(node, m.Assign):
            found = resource(made, path, node.value)
            for target in node.targets:
                attribute = own_attribute(target)
                if found and attribute:
                    yield node.span.at(path), attribute, found[1]
