"""A hook has no annotations, so its types are not checked."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.model import Contract, ContractMethod
from theodore_plugin.contracts.shape import Shape
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import METHODS, plugin

RULE = Rule(
    name="hook-not-annotated",
    severity=Severity.NOTICE,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A method of a contract lacks annotations where the contract has them.",
    why="mypy does not look into functions without annotations: wrong arguments and results show first in a host.",
    remedy="Annotate the parameters and the result as the contract does.",
    bad=(
        Example(plugin(METHODS.replace("(self) -> HealthStatus", "(self)")), "no result"),
        Example(plugin(METHODS.replace("request: ScrapingRequest", "request")), "no parameter type"),
    ),
    good=(
        Example(plugin(), "annotated"),
        Example(
            plugin(METHODS + "\n    def _helper(self, page):\n        return page\n"), "helpers are the plugin's own"
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every implementation of a contract's methods, each once."""
    seen: set[Location] = set()
    for cls, contract in context.claims():
        for method, function, where in _hooks(context, cls, contract):
            lacking = tuple(_lacking(method, function))
            if lacking and where not in seen:
                seen.add(where)
                message = f"{cls.node.name}.{method.name}() has no annotation for {', '.join(lacking)}"
                yield report(RULE, where, message, _spell(method), subject=f"{cls.node.name}.{method.name}")


def _hooks(
    context: RuleContext, cls: OwnClass, contract: Contract
) -> Iterator[tuple[ContractMethod, m.Function, Location]]:
    members = context.members(cls)
    if members is None:
        return
    for method in contract.methods.values():
        for found in members.find(method.name).implementations:
            if isinstance(found.definition, m.Function) and isinstance(found.form, Shape):
                yield method, found.definition, found.location


def _lacking(method: ContractMethod, function: m.Function) -> Iterator[str]:
    own = {parameter.name: parameter for parameter in function.parameters}
    for wanted in method.parameters:
        found = own.get(wanted.name)
        if wanted.annotation is not None and found is not None and found.annotation is None:
            yield wanted.name
    if method.returns is not None and function.returns is None:
        yield "its result"


def _spell(method: ContractMethod) -> str:
    types = [f"{item.name}: {item.annotation}" for item in method.parameters if item.annotation is not None]
    result = f"-> {method.returns}" if method.returns is not None else ""
    return f"the contract says: {', '.join([*types, result] if result else types)}"
