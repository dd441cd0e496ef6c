"""What a class body binds: for every name the definitions that may be in force when the body has run.

Followed statement by statement: a later definition replaces an earlier one, branches are alternatives, ``del``
takes away, ``if TYPE_CHECKING`` never runs. ``None`` among the alternatives says that on some path the name is
not bound at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import nested_blocks


@dataclass(frozen=True, slots=True)
class Assigned:
    """A name bound to the value of an expression; ``value`` is ``None`` where it is part of an unpacking or loop."""

    value: m.Expr | None
    span: m.Span


Definition = m.Function | m.Class | m.Import | m.ImportFrom | Assigned
Alternatives = tuple[Definition | None, ...]
_State = dict[str, Alternatives]
UNBOUND: Alternatives = (None,)


def class_bindings(body: m.Block) -> Mapping[str, Alternatives]:
    """Return the alternatives for every name a block binds."""
    return _run(body, {})


def declared(body: m.Block) -> Mapping[str, m.Expr]:
    """Return the annotations of a block's own annotated names, with or without a value."""
    return {
        target.id: statement.annotation
        for statement in body
        if isinstance(statement, m.Assign) and statement.annotation is not None
        for target in statement.targets
        if isinstance(target, m.Name)
    }


def _run(body: m.Block, state: _State) -> _State:
    for statement in body:
        state = _step(statement, state)
    return state


def _step(statement: m.Statement, state: _State) -> _State:
    if isinstance(statement, (m.Function, m.Class, m.Import, m.ImportFrom)):
        return {**state, statement.name: (statement,)}
    if isinstance(statement, m.Assign):
        return _assign(statement, state)
    if isinstance(statement, m.Delete):
        return {**state, **{target.id: UNBOUND for target in statement.targets if isinstance(target, m.Name)}}
    if isinstance(statement, m.If):
        return _either(statement, state)
    if isinstance(statement, m.Try):
        return _try(statement, state)
    if isinstance(statement, m.With):
        return _run(statement.body, state)
    blocks = nested_blocks(statement)
    return _join([state, *(_run(block, state) for block in blocks)]) if blocks else state


def _assign(statement: m.Assign, state: _State) -> _State:
    if statement.value is None:
        return state
    bound: _State = {}
    for target in statement.targets:
        if isinstance(target, m.Name):
            value = None if statement.augmented else statement.value
            bound[target.id] = (Assigned(value, statement.span),)
        elif isinstance(target, m.Sequence):
            names = (item for item in target.items if isinstance(item, m.Name))
            bound.update((name.id, (Assigned(None, statement.span),)) for name in names)
    return {**state, **bound}


def _either(statement: m.If, state: _State) -> _State:
    known = truth(statement.test)
    if known is not None:
        return _run(statement.body if known else statement.orelse, state)
    branches = [(block, _run(block, state)) for block in (statement.body, statement.orelse)]
    return _join([after for block, after in branches if not _leaves(block)] or [state])


def truth(test: m.Expr) -> bool | None:
    """Return what a condition is at run time, where that is certain."""
    if isinstance(test, m.Constant):
        return bool(test.value)
    if (m.dotted(test) or "").rpartition(".")[2] == "TYPE_CHECKING":
        return False
    if isinstance(test, m.Unary) and test.operator.lower() == "not":
        inner = truth(test.operand)
        return None if inner is None else not inner
    return None


def _try(statement: m.Try, state: _State) -> _State:
    tried = _run(statement.body, state)
    started = _join([state, tried])
    ends = [_run(statement.orelse, tried)]
    ends += [_run(handler.body, started) for handler in statement.handlers if not _leaves(handler.body)]
    return _run(statement.final, _join(ends))


def _leaves(block: m.Block) -> bool:
    """Whether a block never comes to its end, so that nothing after it sees what it bound."""
    return bool(block) and isinstance(block[-1], m.Raise)


def _join(states: Iterable[_State]) -> _State:
    every = list(states)
    names = dict.fromkeys(name for state in every for name in state)
    return {name: _unique(item for state in every for item in state.get(name, UNBOUND)) for name in names}


def _unique(items: Iterable[Definition | None]) -> Alternatives:
    found: dict[int, Definition | None] = {}
    for item in items:
        key = id(item.value) if isinstance(item, Assigned) else id(item)
        found.setdefault(key, item)
    return tuple(found.values())
