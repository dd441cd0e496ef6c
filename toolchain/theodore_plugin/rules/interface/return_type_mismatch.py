"""A method says that it returns something else than its contract."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.annotations import awaited, fits, of_contract, of_facts, spell
from theodore_plugin.contracts.members import Implementation
from theodore_plugin.contracts.model import SDK, Contract, ContractMethod
from theodore_plugin.contracts.shape import Shape
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.examples import METHODS, plugin

_PORT = plugin(provides='{"WebScraper": "demo.port:Port"}') + "# file: demo/port.py\n"

RULE = Rule(
    name="return-type-mismatch",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="The annotated return type is not one the contract allows.",
    why="The host relies on the contract's type: a result of another one is refused at the border or fails later.",
    remedy="Return, and annotate, the contract's type.",
    bad=(
        Example(
            plugin(METHODS.replace("-> HealthStatus", "-> bool")),
            "a bool where a HealthStatus is expected",
        ),
        Example(
            _PORT + "class Port:\n    async def validate_url(self, url: str) -> str:\n        return url\n",
            "text where a port promises a bool",
        ),
        Example(
            _PORT + "class Port:\n    def get_supported_content_types(self) -> list[int]:\n        return []\n",
            "a list of something else",
        ),
    ),
    good=(
        Example(plugin(), "the contract's type"),
        Example(
            _PORT
            + "class Port:\n    async def get_page_info(self, url: str) -> dict[str, object]:\n        return {}\n",
            "as near as annotations come to Any",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Compare annotated returns with the contract's. mypy's findings about hooks come under this name, too."""
    for cls, contract in context.claims():
        members = context.members(cls)
        for method in contract.methods.values():
            for found in members.find(method.name).implementations if members is not None else ():
                yield from _compare(context, cls, contract, method, found)


def _compare(
    context: RuleContext, cls: OwnClass, contract: Contract, method: ContractMethod, found: Implementation
) -> Iterator[Finding]:
    form = found.form
    if not isinstance(form, Shape) or form.wrapped or not isinstance(form.source, m.Function):
        return
    function = form.source
    known = frozenset(context.contracts.types) if contract.is_base else frozenset()
    wanted = of_contract(method.returns, known)
    own = of_facts(function.returns, lambda name: _resolved(context, form.module, name))
    own = own if function.is_async or method.kind == "sync" else awaited(own)
    if own is None or wanted is None or fits(own, wanted) is not False:
        return
    if function.is_generator is not method.streams:
        return  # async-mismatch says what is wrong
    subject = f"{cls.node.name}.{method.name}"
    message = f"{subject} is annotated to return {spell(own)}, the contract says {method.returns}"
    where = (function.returns or function).span.at(form.module.path)
    yield report(RULE, where, message, f"annotate it: {method} -> {method.returns}", subject=subject)


def _resolved(context: RuleContext, module: m.ModuleFacts, name: str) -> str | None:
    """Return the SDK's own name for a data type, under whatever name it was imported."""
    root, *rest = name.split(".")
    span = m.Span(1, 0, 1, 0)
    expression: m.Expr = m.Name(root, span)
    for part in rest:
        expression = m.Attribute(expression, part, span)
    path = context.names.path(module, expression) or ""
    bare = path.rpartition(".")[2]
    return bare if path.partition(".")[0] == SDK and bare in context.contracts.types else None
