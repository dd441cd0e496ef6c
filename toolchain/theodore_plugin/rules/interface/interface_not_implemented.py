"""An interface is claimed that the plugin does not implement or that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import plugin

RULE = Rule(
    name="interface-not-implemented",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="interfaces or provides names something that is no known interface, or that no class implements.",
    why="The host wires plugins by the interfaces they claim.",
    remedy="Name the SDK base class you derive from; ports of Theodore are implemented by a class named in provides.",
    bad=(
        Example(plugin(interfaces='["ScraperPort"]'), "no such interface"),
        Example(plugin(interfaces='["ScraperPlugin", "WebScraper"]'), "a port nothing provides"),
        Example(plugin(provides='{"WebScraper": "demo.plugin:Missing"}'), "provided by a class that is not there"),
    ),
    good=(
        Example(plugin(), "the base class"),
        Example(plugin(interfaces='["ScraperPlugin", "PluginInterface"]'), "a base class further up"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Check every claimed interface, then every provided one."""
    provides = context.metadata.values.get("provides", {})
    for number, name in enumerate(context.metadata.values.get("interfaces", ())):
        problem = _claim_problem(context, name, provides)
        if problem:
            yield report(RULE, context.where(f"/interfaces/{number}"), problem, _suggestion(context, name))
    for port, target in provides.items():
        where = context.where(f"/provides/{port}")
        if port not in context.contracts.ports:
            yield report(RULE, where, f"provides names {port}, which is no known port", _suggestion(context, port))
        elif context.own_class(target) is None:
            yield report(RULE, where, f"{target} is no class of this plugin", 'write "module:Class"')


def _claim_problem(context: RuleContext, name: str, provides: Mapping[str, str]) -> str | None:
    if name in context.contracts.bases:
        lineage = {base for own in context.plugin_bases() for base in context.contracts.bases[own].lineage}
        return None if name in lineage else f"the plugin claims {name}, but its class does not derive from it"
    if name in context.contracts.ports:
        return None if name in provides else f"the plugin claims the port {name}, but provides no class for it"
    return f"{name} is neither an SDK base class nor a known port of Theodore"


def _suggestion(context: RuleContext, name: str) -> str:
    known = [*context.plugin_bases(), *context.contracts.bases, *context.contracts.ports]
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else RULE.remedy
