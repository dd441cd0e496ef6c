"""A hook lets an exception out that its callers do not expect."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.escaping import Escape, Escapes
from theodore_plugin.contracts.lineage import Lineages
from theodore_plugin.contracts.model import Contract, ContractMethod
from theodore_plugin.contracts.shape import Shape
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer, Step
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import METHODS, plugin

ALWAYS = "PluginError"
"""What the SDK defines for plugins to raise is understood everywhere."""
_PORT = plugin(provides='{"WebScraper": "demo.port:Port"}') + "# file: demo/port.py\n"

RULE = Rule(
    name="exception-outside-contract",
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    silencer=Silencer.INLINE,
    summary="A method of a contract that names its exceptions lets another one out.",
    why="Callers handle what the contract names: retries, fall-backs and messages are lost for anything else.",
    remedy="Raise an exception of the contract's family (a class of that name), or answer with a result.",
    bad=(
        Example(
            plugin(METHODS.replace("return HealthStatus.healthy()", 'raise ConnectionError("no answer")')),
            "a failure of health_check is an answer, not an exception",
        ),
        Example(
            _PORT + 'class Port:\n    async def validate_url(self, url):\n        raise ValueError("not a URL")\n',
            "the port's adapters raise WebScraperError and what derives from it",
        ),
    ),
    good=(
        Example(plugin(METHODS.replace("return ValidationResult.success()", 'raise ValueError("left open")'))),
        Example(
            _PORT
            + "class WebScraperError(Exception): ...\n\nclass Refused(WebScraperError): ...\n\n"
            + "class Port:\n    async def validate_url(self, url):\n        raise Refused(url)\n",
            "derived from the family, by name",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Follow every method whose contract names its exceptions."""
    lineages = Lineages(context.names, context.contracts.exceptions)
    escapes = Escapes(context.names, lineages)
    for cls, contract in context.claims():
        for method, owner, shape in _implementations(context, cls, contract):
            allowed = lineages.family([*(method.raises or ()), ALWAYS])
            for escape in escapes.of(shape, owner.module, cls):
                if "Exception" in escape.lineage and not escape.lineage & allowed:
                    yield _finding(cls, method, escape)


def _implementations(
    context: RuleContext, cls: OwnClass, contract: Contract
) -> Iterator[tuple[ContractMethod, OwnClass, m.Function]]:
    """Iterate over methods with named exceptions and their implementations, where no decorator is in between."""
    members = context.members(cls)
    if members is None:
        return
    for method in contract.methods.values():
        for found in members.find(method.name).implementations if method.raises is not None else ():
            form = found.form
            if isinstance(form, Shape) and isinstance(form.source, m.Function) and not form.source.decorators:
                yield method, found.owner, form.source


def _finding(cls: OwnClass, method: ContractMethod, escape: Escape) -> Finding:
    named = ", ".join(name.rpartition(".")[2] for name in method.raises or ())
    expected = f"{named} and what derives from it" if named else "no exception"
    message = f"{cls.node.name}.{method.name}() lets {escape.name} out; callers of {method.owner} expect {expected}"
    steps = (*escape.chain, Step(f"raises {escape.name}", escape.location))
    return report(RULE, escape.location, message, evidence=steps, subject=f"{cls.node.name}.{method.name}")
