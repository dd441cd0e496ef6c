"""Whether calling a plain function gives something that can be awaited: yes, no, or it cannot be said."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.contracts.model import SDK
from theodore_plugin.contracts.shape import Gives, Shape, shape_of
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, Names, OwnClass, OwnFunction, module_level

AWAITABLE = frozenset({"Awaitable", "Coroutine", "Future", "Task"})
STREAMS = frozenset({"AsyncIterator", "AsyncIterable", "AsyncGenerator"})
_GIVERS = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.gather",
        "asyncio.shield",
        "asyncio.sleep",
        "asyncio.to_thread",
        "asyncio.wait_for",
        "asyncio.wrap_future",
    }
)
_VALUES = (m.Constant, m.Sequence, m.Mapping, m.FormattedString, m.Comprehension, m.Binary, m.Lambda)
MAX_HOPS = 8


def gives(names: Names, owner: OwnClass, shape: Shape) -> Gives:
    """Return what a call gives; plain functions are judged by their annotation, then by what they return."""
    if shape.gives is not Gives.VALUE or shape.wrapped:
        return shape.gives
    if isinstance(shape.source, m.Function):
        annotated = _annotated(shape.source.returns)
        if annotated is not None:
            return annotated
    return _returned(names, owner, shape.module, shape.source, 0)


def _annotated(returns: m.Expr | None) -> Gives | None:
    name = m.dotted(returns.value if isinstance(returns, m.Subscript) else returns) if returns else None
    bare = (name or "").rpartition(".")[2]
    if bare in AWAITABLE:
        return Gives.AWAITABLE
    return Gives.STREAM if bare in STREAMS else None


def _returned(names: Names, owner: OwnClass, module: m.ModuleFacts, source: m.Function | m.Lambda, hops: int) -> Gives:
    answers = {_gives(names, owner, module, value, hops) for value in _values(source)}
    if not answers or Gives.VALUE in answers:
        return Gives.VALUE
    return answers.pop() if len(answers) == 1 else Gives.UNKNOWN


def _values(source: m.Function | m.Lambda) -> Iterator[m.Expr | None]:
    if isinstance(source, m.Lambda):
        yield source.body
    else:
        yield from (item.value for item in module_level(source.body) if isinstance(item, m.Return))


def _gives(names: Names, owner: OwnClass, module: m.ModuleFacts, value: m.Expr | None, hops: int) -> Gives:
    if value is None or isinstance(value, _VALUES):
        return Gives.VALUE
    if isinstance(value, m.Name) and value.id == "self" and not _defines(owner, "__await__"):
        return Gives.VALUE
    if not isinstance(value, m.Call) or hops > MAX_HOPS:
        return Gives.UNKNOWN
    method = _method(names, owner, value.callee)
    if method is not None:
        return _called(names, method[0], method[0].module, method[1], hops)
    meaning = names.resolve_expression(module, value.callee)
    if isinstance(meaning, OwnFunction):
        return _called(names, owner, meaning.module, meaning.node, hops)
    if isinstance(meaning, OwnClass):
        return Gives.UNKNOWN if _defines(meaning, "__await__") or meaning.node.bases else Gives.VALUE
    if isinstance(meaning, Foreign):
        return _foreign(meaning.path)
    return Gives.UNKNOWN


def _called(names: Names, owner: OwnClass, module: m.ModuleFacts, function: m.Function, hops: int) -> Gives:
    if function.decorators:
        return Gives.UNKNOWN
    found = shape_of(function, module).gives
    return _returned(names, owner, module, function, hops + 1) if found is Gives.VALUE else found


def _foreign(path: str) -> Gives:
    if path in _GIVERS:
        return Gives.AWAITABLE
    return Gives.VALUE if path.partition(".")[0] == SDK else Gives.UNKNOWN


def _method(names: Names, owner: OwnClass, callee: m.Expr) -> tuple[OwnClass, m.Function] | None:
    from theodore_plugin.metadata.plugin_class import find_method

    if isinstance(callee, m.Attribute) and isinstance(callee.value, m.Name) and callee.value.id == "self":
        return find_method(names, owner, callee.attr)
    return None


def _defines(cls: OwnClass, name: str) -> bool:
    return any(isinstance(item, m.Function) and item.name == name for item in module_level(cls.node.body))
