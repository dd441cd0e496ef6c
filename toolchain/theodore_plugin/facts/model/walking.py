"""Going through facts. A table says where the children of each class are: finding them by reflection was a hot spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from theodore_plugin.facts.model import expressions as e
from theodore_plugin.facts.model import statements as s
from theodore_plugin.facts.model.expressions import Expr
from theodore_plugin.facts.model.statements import Block, Node

Nodes = tuple[Node, ...]


def children(node: Node) -> Nodes:
    """Return a node's direct children in source order (as the fields are declared)."""
    return _CHILDREN[type(node)](node)


def walk(root: Node | Block) -> Iterator[Node]:
    """Iterate over a node or block and everything below it, in source order, without recursion."""
    pending: list[Node] = list(reversed(root)) if isinstance(root, tuple) else [root]
    take, below = pending.pop, _CHILDREN
    while pending:
        node = take()
        yield node
        found = below[type(node)](node)
        if found:
            pending.extend(found[::-1])


def dotted(expression: Expr) -> str | None:
    """Return ``a.b.c`` for a chain of attributes on a name, else ``None``."""
    parts: list[str] = []
    while isinstance(expression, e.Attribute):
        parts.append(expression.attr)
        expression = expression.value
    if not isinstance(expression, e.Name):
        return None
    return ".".join([expression.id, *reversed(parts)])


def _none(_node: Node) -> Nodes:
    return ()


def _value(node: Any) -> Nodes:
    return () if node.value is None else (node.value,)


def _present(*nodes: Node | None) -> Nodes:
    return tuple([node for node in nodes if node is not None])


def _pairs(items: tuple[tuple[Node | None, Node | None], ...]) -> Nodes:
    return tuple([node for pair in items for node in pair if node is not None])


def _function(node: s.Function) -> Nodes:
    returns = () if node.returns is None else (node.returns,)
    return (*node.parameters, *node.decorators, *returns, *node.body, *node.bounds)


_CHILDREN: dict[type, Callable[[Any], Nodes]] = {
    e.Name: _none,
    e.Attribute: lambda node: (node.value,),
    e.Constant: _none,
    e.FormattedString: lambda node: node.parts,
    e.Argument: lambda node: (node.value,),
    e.Call: lambda node: (node.callee, *node.arguments),
    e.Binary: lambda node: (node.left, node.right),
    e.Unary: lambda node: (node.operand,),
    e.Choice: lambda node: node.options + node.tests,
    e.Sequence: lambda node: node.items,
    e.Starred: lambda node: (node.value,),
    e.Mapping: lambda node: _pairs(node.items),
    e.Subscript: lambda node: (node.value, node.index),
    e.Lambda: lambda node: (*node.parameters, node.body),
    e.Comprehension: lambda node: node.elements + node.clauses,
    e.Await: lambda node: (node.value,),
    e.Yield: _value,
    e.NamedExpr: lambda node: (node.target, node.value),
    e.Opaque: lambda node: node.children,
    s.Import: _none,
    s.ImportFrom: _none,
    s.Parameter: lambda node: _present(node.default, node.annotation),
    s.Function: _function,
    s.Class: lambda node: node.bases + node.decorators + node.body + node.bounds,
    s.Assign: lambda node: (*node.targets, *_present(node.value, node.annotation)),
    s.ExprStatement: lambda node: (node.value,),
    s.Return: _value,
    s.Raise: lambda node: _present(node.value, node.cause),
    s.Delete: lambda node: node.targets,
    s.Scope: _none,
    s.If: lambda node: (node.test, *node.body, *node.orelse),
    s.For: lambda node: (node.target, node.iterable, *node.tests, *node.body, *node.orelse),
    s.While: lambda node: (node.test, *node.body, *node.orelse),
    s.With: lambda node: _pairs(node.items) + node.body,
    s.Handler: lambda node: (*_present(node.caught), *node.body),
    s.Try: lambda node: node.body + node.handlers + node.orelse + node.final,
    s.Match: lambda node: (node.subject, *node.cases),
    s.MatchCase: lambda node: node.captures + node.expressions + node.body,
}
