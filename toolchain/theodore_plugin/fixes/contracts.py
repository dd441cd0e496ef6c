"""Signatures of contracts as they are written in a plugin: names imported, defaults as the SDK has them."""

from __future__ import annotations

import ast
import builtins
import inspect
import typing
from collections import abc
from collections.abc import Iterator

import theodore_sdk
from theodore_plugin.contracts.model import Contract, ContractMethod, ContractParameter
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import OwnClass
from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.imports import SDK, spelt
from theodore_plugin.fixes.model import Edit, NoFix

_MARKERS = {"var_positional": "*", "var_keyword": "**"}


def demanded(finding: Finding, context: FixContext) -> tuple[OwnClass, Contract, ContractMethod]:
    """Return which method of which contract a finding is about. Raises NoFix if that is not one method."""
    for host in reversed(context.rules.hosts):
        for cls, contract in context.rules.claims(host):
            for method in contract.methods.values():
                owners = [owner.node.name for owner in _family(context, cls)]
                if finding.subject in {f"{owner}.{method.name}" for owner in owners}:
                    return cls, contract, method
    raise NoFix("the contract was not found again")


def _family(context: FixContext, cls: OwnClass) -> tuple[OwnClass, ...]:
    members = context.rules.members(cls)
    return members.own if members is not None else (cls,)


def function_at(context: FixContext, finding: Finding) -> m.Function:
    """Return the function whose name stands at a finding's place. Raises NoFix if it is no plain definition."""
    for node in m.walk(context.facts(finding.location.path).body):
        if isinstance(node, m.Function) and node.name_span.at(finding.location.path) == finding.location:
            return node
    raise NoFix("it is not a function that is defined there")


class Annotations:
    """Spells annotations for one file and collects the imports they take."""

    def __init__(self, context: FixContext, facts: m.ModuleFacts) -> None:
        self.imports: list[Edit] = []
        self._context = context
        self._facts = facts

    def spelt(self, annotation: str) -> str:
        """Return an annotation with its names as this file spells them. Raises NoFix for names nobody can import."""
        tree = ast.parse(annotation, mode="eval")
        names = {node.id: node for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for name in names:
            path = _home(name)
            written, imports = (name, ()) if path is None else spelt(self._context, self._facts, path)
            self.imports += imports
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id == name:
                    node.id = written
        return ast.unparse(tree)


def _home(name: str) -> str | None:
    """Return where a name of an annotation is imported from; ``None`` for one that is always there."""
    if name in vars(builtins):
        return None
    if name in theodore_sdk.__all__:
        return f"{SDK}.{name}"
    if name in abc.__all__:
        return f"collections.abc.{name}"
    if name in typing.__all__:
        return f"typing.{name}"
    raise NoFix(f"{name} cannot be imported by a plugin")


def parameters(method: ContractMethod, contract: Contract, annotations: Annotations) -> Iterator[str]:
    """Write the parameters behind ``self``, markers included."""
    kinds = [item.kind for item in method.parameters]
    for position, item in enumerate(method.parameters):
        if item.kind == "keyword_only" and not {"var_positional", "keyword_only"} & set(kinds[:position]):
            yield "*"
        yield parameter(item, method, contract, annotations)
        if item.kind == "positional_only" and "positional_only" not in kinds[position + 1 :]:
            yield "/"


def parameter(item: ContractParameter, method: ContractMethod, contract: Contract, annotations: Annotations) -> str:
    """Write one parameter with its annotation, and its default where the SDK knows it."""
    text = _MARKERS.get(item.kind, "") + item.name
    if item.annotation is not None:
        text += f": {annotations.spelt(item.annotation)}"
    if item.default:
        text += f" = {_default(item, method, contract)}" if item.annotation else f"={_default(item, method, contract)}"
    return text


def _default(item: ContractParameter, method: ContractMethod, contract: Contract) -> str:
    base = getattr(theodore_sdk, contract.name, None) if contract.is_base else None
    function = getattr(base, method.name, None)
    if function is None:
        if (item.annotation or "").startswith("Optional["):
            return "None"
        raise NoFix(f"the contract does not say what {item.name} is by default")
    value = inspect.signature(function).parameters[item.name].default
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise NoFix(f"the default of {item.name} is no plain value")
    return repr(value)
