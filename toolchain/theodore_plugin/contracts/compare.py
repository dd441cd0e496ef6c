"""Does a class satisfy a contract? Compared from facts alone, by the substitution rules of method calls.

A method may add trailing parameters that have defaults. It must not insert, drop, or rename a parameter
that can be passed by keyword, make an optional one required, or change async-ness; where the contract
streams (``AsyncIterator``), an async generator is right.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from theodore_plugin.contracts.model import Contract, ContractMethod, ContractParameter
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Names, OwnClass, module_level
from theodore_plugin.finding import Location
from theodore_plugin.inference.functions import TRANSPARENT
from theodore_plugin.metadata.plugin_class import ancestors, sdk_base

NEAR = 0.8
"""Similarity (difflib ratio) from which a method name counts as a misspelt hook."""
AWAITABLE = ("Awaitable", "Coroutine", "Future", "Task")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One way in which a class does not satisfy a contract; ``rule`` names the rule that reports it."""

    rule: str
    location: Location
    message: str
    help: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Member:
    """What a class binds under a name: a method, or something else (``None``)."""

    owner: OwnClass
    method: m.Function | None


def compare(names: Names, cls: OwnClass, contract: Contract) -> Iterator[Mismatch]:
    """Compare a class with a contract, own and inherited members alike."""
    members = _members(names, cls)
    opaque = has_unknown_base(names, cls)
    for method in contract.methods.values():
        member = members.get(method.name)
        if member is None:
            if method.abstract and not opaque:
                yield _missing(cls, contract, method)
        elif member.method is not None:
            yield from _check(names, cls, member.owner, member.method, method)
    yield from _misspelt(cls, contract, members)


def has_unknown_base(names: Names, cls: OwnClass) -> bool:
    """Whether a base class is neither the plugin's own nor the SDK's: it may implement anything."""
    known = {"abc.ABC", "object", "typing.Generic", "typing.Protocol"}
    return any(not sdk_base(path) and path not in known for path in ancestors(names, cls)[1])


def _members(names: Names, cls: OwnClass) -> dict[str, _Member]:
    found: dict[str, _Member] = {}
    for owner in ancestors(names, cls)[0]:
        for statement in module_level(owner.node.body):
            for name, method in _bound(statement):
                current = found.get(name)
                if current is None or current.owner is owner:
                    found[name] = _Member(owner, method)
    return found


def _bound(statement: m.Statement) -> Iterator[tuple[str, m.Function | None]]:
    if isinstance(statement, m.Function):
        yield statement.name, statement
    elif isinstance(statement, m.Assign) and statement.value is not None:
        for target in statement.targets:
            if isinstance(target, m.Name):
                yield target.id, None


def _missing(cls: OwnClass, contract: Contract, method: ContractMethod) -> Mismatch:
    return Mismatch(
        "missing-method",
        cls.node.name_span.at(cls.module.path),
        f"{cls.node.name} does not implement {method.name}(), which {method.owner} requires",
        f"add: {method}",
        f"{cls.node.name}.{method.name}",
    )


def _check(
    names: Names, cls: OwnClass, owner: OwnClass, method: m.Function, wanted: ContractMethod
) -> Iterator[Mismatch]:
    where = method.name_span.at(owner.module.path)
    subject = f"{owner.node.name}.{method.name}"
    if not _transparent(names, owner, method):
        return
    difference = _async_difference(method, wanted)
    if difference:
        yield Mismatch("async-mismatch", where, f"{subject} {difference}", f"write: {wanted}", subject)
    problem = signature_problem(_parameters(names, owner, method), wanted.parameters)
    if problem:
        yield Mismatch("signature-mismatch", where, f"{subject}: {problem}", f"write: {wanted}", subject)


def _transparent(names: Names, owner: OwnClass, method: m.Function) -> bool:
    """Whether the decorators leave the signature alone; others cannot be judged from here."""
    return all(_decorator(names, owner, decorator) in TRANSPARENT for decorator in method.decorators)


def _decorator(names: Names, owner: OwnClass, decorator: m.Expr) -> str:
    path = names.path(owner.module, decorator) or ""
    return path if "." in path else f"builtins.{path}"


def _async_difference(method: m.Function, wanted: ContractMethod) -> str | None:
    if wanted.streams and method.is_async and method.is_generator:
        return None
    if wanted.kind == "sync":
        return "is async, but the host calls it without await" if method.is_async else None
    if method.is_async:
        return "is an async generator, but the host awaits it" if method.is_generator else None
    returns = m.dotted(method.returns.value if isinstance(method.returns, m.Subscript) else method.returns or _NOTHING)
    if returns and returns.rpartition(".")[2] in AWAITABLE:
        return None
    return "is not async, but the host awaits it"


_NOTHING = m.Constant(None, m.Span(1, 0, 1, 0))


def _parameters(names: Names, owner: OwnClass, method: m.Function) -> tuple[m.Parameter, ...]:
    static = any(_decorator(names, owner, decorator) == "builtins.staticmethod" for decorator in method.decorators)
    parameters = method.parameters
    takes_self = bool(parameters) and parameters[0].kind in {"positional", "positional-only"}
    return parameters if static or not takes_self else parameters[1:]


def signature_problem(own: tuple[m.Parameter, ...], wanted: tuple[ContractParameter, ...]) -> str | None:
    """Say why calls made for ``wanted`` would not fit ``own``, or ``None``."""
    positional = [item for item in own if item.kind in {"positional", "positional-only"}]
    takes_rest = any(item.kind == "*" for item in own)
    takes_keywords = any(item.kind == "**" for item in own)
    expected = [item for item in wanted if item.kind in {"positional_only", "positional_or_keyword"}]
    for position, parameter in enumerate(expected):
        if position >= len(positional):
            if takes_rest and (takes_keywords or parameter.kind == "positional_only"):
                continue
            return f"parameter {parameter.name} is missing"
        problem = _position_problem(positional[position], parameter)
        if problem:
            return problem
    by_keyword = {item.name for item in wanted if item.kind == "keyword_only"}
    trailing = (item for item in positional[len(expected) :] if item.name not in by_keyword)
    extra = next((item for item in trailing if item.default is None), None)
    if extra is not None:
        return f"parameter {extra.name} is not in the contract and has no default"
    return _keyword_problem(own, wanted, takes_keywords)


def _position_problem(own: m.Parameter, wanted: ContractParameter) -> str | None:
    if wanted.kind == "positional_or_keyword":
        if own.name != wanted.name:
            return f"parameter {wanted.name} is called {own.name}, but the host may pass it by keyword"
        if own.kind == "positional-only":
            return f"parameter {wanted.name} is positional-only, but the host may pass it by keyword"
    if wanted.default and own.default is None:
        return f"parameter {wanted.name} is optional in the contract and required here"
    return None


def _keyword_problem(
    own: tuple[m.Parameter, ...], wanted: tuple[ContractParameter, ...], takes_keywords: bool
) -> str | None:
    by_name = {item.name: item for item in own if item.kind in {"keyword", "positional"}}
    for parameter in wanted:
        if parameter.kind == "keyword_only":
            found = by_name.get(parameter.name)
            if found is None and not takes_keywords:
                return f"keyword parameter {parameter.name} is missing"
            if found is not None and parameter.default and found.default is None:
                return f"parameter {parameter.name} is optional in the contract and required here"
        if parameter.kind == "var_keyword" and not takes_keywords:
            return f"it must accept **{parameter.name}"
        if parameter.kind == "var_positional" and not any(item.kind == "*" for item in own):
            return f"it must accept *{parameter.name}"
    known = {parameter.name for parameter in wanted}
    extra = next(
        (item for item in own if item.kind == "keyword" and item.default is None and item.name not in known), None
    )
    return f"keyword parameter {extra.name} is not in the contract and has no default" if extra else None


def _misspelt(cls: OwnClass, contract: Contract, members: dict[str, _Member]) -> Iterator[Mismatch]:
    absent = [name for name in contract.methods if name not in members]
    for name, member in members.items():
        if member.method is None or name.startswith("_") or name in contract.methods:
            continue
        near = difflib.get_close_matches(name, absent, 1, NEAR)
        if near:
            yield Mismatch(
                "unknown-hook",
                member.method.name_span.at(member.owner.module.path),
                f"{cls.node.name}.{name}() is no hook of {contract.name}; the host will never call it",
                f"did you mean {near[0]}?",
                f"{cls.node.name}.{name}",
            )
