"""Builtins and helpers whose *result* matters, in one table: strings, reflection and imports, iteration."""

from __future__ import annotations

from collections.abc import Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.inference import iteration, reflection
from theodore_plugin.inference import texts as strings
from theodore_plugin.inference.attributes import module_items, namespace_item
from theodore_plugin.inference.frame import Frame, Handler
from theodore_plugin.inference.values import Values


def function_call(frame: Frame, path: str, node: m.Call, arguments: list[Values]) -> Values | None:
    """Return the result of an understood function, or ``None`` for the general treatment."""
    handler = _FUNCTIONS.get(path)
    if handler is not None:
        return handler(frame, node, arguments)
    if path.endswith(_NAMESPACE_READS) and arguments:
        owner = path.rpartition(".")[0]
        if owner == "sys.modules":
            return module_items(frame, arguments[0], node.span)
        return namespace_item(frame, owner, arguments[0], node.span)
    return None


_NAMESPACE_READS = tuple(
    f"{owner}.{name}"
    for owner in (".__dict__", "sys.modules", "builtins")
    for name in ("get", "__getitem__", "pop")
    if (owner, name) not in {("builtins", "pop"), ("builtins", "__getitem__")}
)
_FUNCTIONS: Mapping[str, Handler] = {**strings.FUNCTIONS, **reflection.FUNCTIONS, **iteration.FUNCTIONS}
