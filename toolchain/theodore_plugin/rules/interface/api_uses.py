"""Every use of the SDK in a project: imports, attributes, members of typed values, fields of constructed ones.

Shared by the rules about removed, internal, deprecated and experimental API, which differ only in what they ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from theodore_plugin.contracts.api import Symbol, symbol_of
from theodore_plugin.contracts.model import SDK, Life
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, module_level
from theodore_plugin.finding import Location
from theodore_plugin.inference.scopes import bound_names
from theodore_plugin.rules.sites import Site, walk

if TYPE_CHECKING:
    from theodore_plugin.rules.context import RuleContext

_ON_HANDED = re.compile(rf"^(?P<type>{SDK}(?:\.\w+)*\.(?:PluginContext|PluginConfig))\(\)\.(?P<member>\w+)$")
"""A method of an object the host hands over. Inference follows these exactly; of data types it knows only that a
value may be among others, which proves nothing about a member."""
_ABSENCES = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"})


@dataclass(frozen=True, slots=True)
class ApiUse:
    """One use of one symbol at one place."""

    symbol: Symbol
    location: Location
    guarded: bool = False
    """Whether the code is prepared for the symbol not to be there (``except ImportError``, ``hasattr``)."""


def api_uses(context: RuleContext) -> tuple[ApiUse, ...]:
    """Return every use of the SDK once per symbol and line, in order of place."""
    found = [*_syntax(context), *_handed(context), *_typed_parameters(context), *_fields(context)]
    unique = {(use.symbol, use.location.path, use.location.line): use for use in reversed(found)}
    guards = {facts.path: tuple(_guards(facts)) for facts in context.facts.values()}
    uses = (replace(use, guarded=_is_guarded(use, guards)) for use in unique.values())
    return tuple(sorted(uses, key=lambda use: (use.location, str(use.symbol))))


def _guards(facts: m.ModuleFacts) -> Iterator[tuple[int, int, str]]:
    """Iterate over what is prepared for absence: first line, last line and name (empty for every name)."""
    for node in m.walk(facts.body):
        if isinstance(node, m.Try) and any(_expects_absence(handler) for handler in node.handlers) and node.body:
            yield node.body[0].span.line, node.body[-1].span.end_line, ""
        elif isinstance(node, m.Call) and m.dotted(node.callee) == "hasattr" and len(node.arguments) == 2:
            name = node.arguments[1].value
            if isinstance(name, m.Constant) and isinstance(name.value, str):
                yield 1, facts.lines + 1, name.value


def _expects_absence(handler: m.Handler) -> bool:
    if handler.caught is None:
        return True
    caught = handler.caught.items if isinstance(handler.caught, m.Sequence) else (handler.caught,)
    return any((m.dotted(item) or "") in _ABSENCES for item in caught)


def _is_guarded(use: ApiUse, guards: Mapping[str, tuple[tuple[int, int, str], ...]]) -> bool:
    last = use.symbol.member or use.symbol.name
    ranges = guards.get(use.location.path, ())
    return any(first <= use.location.line <= end and name in {"", last} for first, end, name in ranges)


def _use(context: RuleContext, path: str, location: Location) -> Iterator[ApiUse]:
    symbol = symbol_of(path, context.hosts)
    if symbol is not None:
        yield ApiUse(symbol, location)


def _syntax(context: RuleContext) -> Iterator[ApiUse]:
    """Iterate over imports, and chains of attributes that begin at something imported."""
    mentioned = {file.path for file in context.project.files if SDK.encode() in file.data}
    for facts in context.facts.values():
        if facts.path not in mentioned and not _passes_on(context, facts):
            continue  # most of a large plugin never touches the SDK
        inner: set[int] = set()
        for site in walk(facts):
            node = site.node
            if isinstance(node, m.Attribute):
                if id(node) not in inner:
                    yield from _chain(context, site, node)
                inner.add(id(node.value))
            elif isinstance(node, m.Import):
                yield from _use(context, node.target, site.location)
            elif isinstance(node, m.ImportFrom) and not node.level:
                name = "" if node.attribute == "*" else f".{node.attribute}"
                yield from _use(context, f"{node.module}{name}", site.location)


def _passes_on(context: RuleContext, facts: m.ModuleFacts) -> bool:
    """Whether a name of the SDK reaches a module through another one of the plugin's modules."""
    bound = context.names.bound_names(facts.module or "")
    found = (context.names.resolve(facts, name) for name in bound)
    return any(isinstance(item, Foreign) and item.path.partition(".")[0] == SDK for item in found)


def _chain(context: RuleContext, site: Site, node: m.Attribute) -> Iterator[ApiUse]:
    path = context.sites.path(site, node)
    if path is not None:
        yield from _use(context, path, site.location)


def _handed(context: RuleContext) -> Iterator[ApiUse]:
    """Iterate over methods called on what the host hands over, wherever the plugin keeps it."""
    for call in context.inference.calls:
        match = _ON_HANDED.match(call.callees[0]) if len(call.callees) == 1 else None
        if match is not None:
            yield from _use(context, f"{match['type']}.{match['member']}", call.location)


def _fields(context: RuleContext) -> Iterator[ApiUse]:
    """Iterate over keywords given to the constructors of the SDK's data types."""
    for call in context.inference.calls:
        symbol = symbol_of(call.callees[0], context.hosts) if len(call.callees) == 1 else None
        if symbol is None or symbol.member or not _is_dataclass(context, symbol.name):
            continue
        for argument in call.node.arguments:
            if argument.keyword is not None and argument.keyword.isidentifier():
                yield ApiUse(Symbol(symbol.module, symbol.name, argument.keyword), argument.span.at(call.path))


def _is_dataclass(context: RuleContext, name: str) -> bool:
    known = (host.types.get(name) for host in context.hosts)
    return any(found is not None and found.kind == "dataclass" for found in known)


def _typed_parameters(context: RuleContext) -> Iterator[ApiUse]:
    """Iterate over reads of parameters whose SDK type an annotation, or the contract of the hook, says."""
    hooks = dict(_hook_types(context))
    for site, function in context.sites.of(m.Function):
        types = {**hooks.get(id(function), {}), **dict(_annotated(context, site, function))}
        if types:
            yield from _reads(site, function, types)


def _hook_types(context: RuleContext) -> Iterator[tuple[int, Mapping[str, Symbol]]]:
    for cls, contract in context.claims():
        if not contract.is_base:
            continue
        for statement in module_level(cls.node.body):
            method = contract.methods.get(statement.name) if isinstance(statement, m.Function) else None
            if method is None or not isinstance(statement, m.Function) or statement.decorators:
                continue
            own = [item.name for item in statement.parameters[1:]]
            wanted = (_named(context, item.annotation) for item in method.parameters)
            yield id(statement), {name: kind for name, kind in zip(own, wanted, strict=False) if kind is not None}


def _named(context: RuleContext, annotation: str | None) -> Symbol | None:
    known = annotation is not None and any(annotation in host.types for host in context.hosts)
    return Symbol(SDK, annotation) if known and annotation is not None else None


def _annotated(context: RuleContext, site: Site, function: m.Function) -> Iterator[tuple[str, Symbol]]:
    for parameter in function.parameters:
        if parameter.annotation is None or parameter.kind in {"*", "**"}:
            continue
        path = context.sites.path(site, parameter.annotation)
        symbol = symbol_of(path, context.hosts) if path is not None else None
        if symbol is not None and symbol.name and not symbol.member:
            yield parameter.name, symbol


def _reads(site: Site, function: m.Function, types: Mapping[str, Symbol]) -> Iterator[ApiUse]:
    rebound = bound_names(function.body)[0]
    kept = {name: symbol for name, symbol in types.items() if name not in rebound}
    for node in _inside(function.body, kept):
        if isinstance(node, m.Attribute) and isinstance(node.value, m.Name) and node.value.id in kept:
            symbol = kept[node.value.id]
            yield ApiUse(Symbol(symbol.module, symbol.name, node.attr), node.span.at(site.facts.path))


def _inside(body: m.Block, names: Mapping[str, Symbol]) -> Iterator[m.Node]:
    """Iterate over everything below a block but inner functions that bind one of the names themselves."""
    pending: list[m.Node] = list(reversed(body))
    while pending:
        node = pending.pop()
        if isinstance(node, m.Function | m.Lambda) and any(item.name in names for item in node.parameters):
            continue
        yield node
        pending.extend(reversed(list(m.children(node))))


def implemented_life(context: RuleContext) -> Iterator[tuple[ApiUse, Life]]:
    """Iterate over the hooks and ports that the plugin's classes implement, with what their history says."""
    for cls, contract in context.claims(context.hosts[-1]):
        if not contract.is_base:  # a base class is used by its import
            yield ApiUse(Symbol(contract.module, contract.name), cls.node.name_span.at(cls.module.path)), contract.life
        for statement in module_level(cls.node.body):
            method = contract.methods.get(statement.name) if isinstance(statement, m.Function) else None
            if method is not None and isinstance(statement, m.Function):
                place = statement.name_span.at(cls.module.path)
                yield ApiUse(Symbol(contract.module, method.owner, method.name), place), method.life
