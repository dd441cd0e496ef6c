"""``ast`` statements to facts. Handlers append what they make, for most make one and some none or several."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.abstract.expressions import HANDLERS, Expressions, UnknownSyntax, span
from theodore_plugin.facts.abstract.patterns import Pattern
from theodore_plugin.facts.abstract.source import Source
from theodore_plugin.facts.model import Span

Node = Any
Block = list[m.Statement]


class Statements:
    """Lowers blocks; one instance per module."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.expressions = Expressions(source)

    def block(self, body: list[Node]) -> m.Block:
        """Lower the statements of a suite."""
        lowered: Block = []
        for node in body:
            handler = _HANDLERS.get(type(node))
            if handler is None:
                raise UnknownSyntax(node)
            handler(self, node, lowered)
        return tuple(lowered)

    def _nothing(self, _node: Node, _lowered: Block) -> None:
        """``pass``, ``break`` and ``continue`` carry no fact."""

    def _expr(self, node: Node, lowered: Block) -> None:
        value = node.value
        lowered.append(
            m.ExprStatement(
                HANDLERS[type(value)](self.expressions, value),
                Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset),
            )
        )

    def _assert(self, node: Node, lowered: Block) -> None:
        said = [node.test] if node.msg is None else [node.test, node.msg]
        place = span(node)
        lowered.append(m.ExprStatement(m.Opaque("Assert", self.expressions.many(said), place), place))

    def _import(self, node: Node, lowered: Block) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.split(".", 1)[0]
            lowered.append(m.Import(alias.name, name, alias.asname is not None, span(alias)))

    def _import_from(self, node: Node, lowered: Block) -> None:
        module, level = node.module or "", node.level or 0
        for alias in node.names:
            place = span(node) if alias.name == "*" else span(alias)
            lowered.append(m.ImportFrom(module, level, alias.name, alias.asname or alias.name, place))

    def _function(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        decorators = lower.many(node.decorator_list)
        bounds = self._bounds(node)
        parameters, returns = lower.parameters(node.args), lower.optional(node.returns)
        around, lower.yields = lower.yields, False
        body = self.block(node.body)
        generates, lower.yields = lower.yields, around
        is_async = type(node) is ast.AsyncFunctionDef
        name = self._name_span(node, "async def " if is_async else "def ")
        lowered.append(
            m.Function(node.name, parameters, decorators, returns, body, is_async, generates, span(node), name, bounds)
        )

    def _class(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        decorators = lower.many(node.decorator_list)
        bounds = self._bounds(node)
        bases = lower.arguments(node.bases, node.keywords)
        body = self.block(node.body)
        name = self._name_span(node, "class ")
        lowered.append(m.Class(node.name, bases, decorators, body, span(node), name, bounds))

    def _name_span(self, node: Node, keyword: str) -> m.Span:
        """Return where the defined name is: nearly always one blank behind the keyword."""
        line, column, name = node.lineno, node.col_offset, node.name
        if self.source.lines[line - 1].startswith(keyword + name, column) and name.isascii():
            start = column + len(keyword)
            return Span(line, start, line, start + len(name))
        line, start, end = self.source.defined_name(line, column)
        return Span(line, start, line, end)

    def _bounds(self, node: Node) -> tuple[m.Expr, ...]:
        """Lower what type parameters (Python 3.12) name besides themselves: bounds and defaults."""
        found = []
        for parameter in getattr(node, "type_params", ()):
            for part in (getattr(parameter, "bound", None), getattr(parameter, "default_value", None)):
                if part is not None:
                    found.append(self.expressions.lower(part))
        return tuple(found)

    def _type_alias(self, node: Node, lowered: Block) -> None:
        target, bounds = self.expressions.lower(node.name), self._bounds(node)
        value = self.expressions.lower(node.value)
        alias = m.Opaque("TypeAlias", (value, *bounds), value.span)
        lowered.append(m.Assign((target,), alias, None, False, span(node)))

    def _assign(self, node: Node, lowered: Block) -> None:
        expressions, value, targets = self.expressions, node.value, node.targets
        if len(targets) == 1:
            target = targets[0]
            left: tuple[m.Expr, ...] = (HANDLERS[type(target)](expressions, target),)
        else:
            left = expressions.many(targets)
        lowered.append(
            m.Assign(
                left,
                HANDLERS[type(value)](expressions, value),
                None,
                False,
                Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset),
            )
        )

    def _annotated(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        target, annotation = (lower.lower(node.target),), lower.lower(node.annotation)
        lowered.append(m.Assign(target, lower.optional(node.value), annotation, False, span(node)))

    def _augmented(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        lowered.append(m.Assign((lower.lower(node.target),), lower.lower(node.value), None, True, span(node)))

    def _return(self, node: Node, lowered: Block) -> None:
        lowered.append(m.Return(self.expressions.optional(node.value), span(node)))

    def _raise(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        lowered.append(m.Raise(lower.optional(node.exc), lower.optional(node.cause), span(node)))

    def _delete(self, node: Node, lowered: Block) -> None:
        lowered.append(m.Delete(self.expressions.many(node.targets), span(node)))

    def _global(self, node: Node, lowered: Block) -> None:
        lowered.append(m.Scope("global", tuple(node.names), span(node)))

    def _nonlocal(self, node: Node, lowered: Block) -> None:
        lowered.append(m.Scope("nonlocal", tuple(node.names), span(node)))

    def _if(self, node: Node, lowered: Block) -> None:
        test = self.expressions.lower(node.test)
        lowered.append(m.If(test, self.block(node.body), self.block(node.orelse), span(node)))

    def _for(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        target, iterable = lower.lower(node.target), lower.lower(node.iter)
        body, orelse = self.block(node.body), self.block(node.orelse)
        is_async = type(node) is ast.AsyncFor
        lowered.append(m.For(target, iterable, (), body, orelse, is_async, span(node)))

    def _while(self, node: Node, lowered: Block) -> None:
        test = self.expressions.lower(node.test)
        lowered.append(m.While(test, self.block(node.body), self.block(node.orelse), span(node)))

    def _with(self, node: Node, lowered: Block) -> None:
        lower = self.expressions
        items = tuple([(lower.lower(item.context_expr), lower.optional(item.optional_vars)) for item in node.items])
        lowered.append(m.With(items, self.block(node.body), type(node) is ast.AsyncWith, span(node)))

    def _try(self, node: Node, lowered: Block) -> None:
        body = self.block(node.body)
        handlers = tuple([self._handler(handler) for handler in node.handlers])
        orelse, final = self.block(node.orelse), self.block(node.finalbody)
        lowered.append(m.Try(body, handlers, orelse, final, span(node)))

    def _handler(self, node: Node) -> m.Handler:
        caught = self.expressions.optional(node.type)
        return m.Handler(caught, node.name, self.block(node.body), span(node))

    def _match(self, node: Node, lowered: Block) -> None:
        subject = self.expressions.lower(node.subject)
        lowered.append(m.Match(subject, tuple([self._case(case) for case in node.cases]), span(node)))

    def _case(self, node: Node) -> m.MatchCase:
        """Lower one case; it spans from its pattern to its last statement: ``ast`` gives it no place."""
        pattern = Pattern(self.expressions)
        pattern.read(node.pattern)
        if node.guard is not None:
            pattern.evaluated.append(self.expressions.lower(node.guard))
        first, last = node.pattern, node.body[-1]
        place = Span(first.lineno, first.col_offset, last.end_lineno, last.end_col_offset)
        return m.MatchCase(tuple(pattern.captures), tuple(pattern.evaluated), self.block(node.body), place)


_HANDLERS: dict[type, Callable[[Statements, Node, Block], None]] = {
    ast.Expr: Statements._expr,
    ast.Pass: Statements._nothing,
    ast.Break: Statements._nothing,
    ast.Continue: Statements._nothing,
    ast.Assert: Statements._assert,
    ast.Import: Statements._import,
    ast.ImportFrom: Statements._import_from,
    ast.FunctionDef: Statements._function,
    ast.AsyncFunctionDef: Statements._function,
    ast.ClassDef: Statements._class,
    ast.Assign: Statements._assign,
    ast.AnnAssign: Statements._annotated,
    ast.AugAssign: Statements._augmented,
    ast.Return: Statements._return,
    ast.Raise: Statements._raise,
    ast.Delete: Statements._delete,
    ast.Global: Statements._global,
    ast.Nonlocal: Statements._nonlocal,
    ast.If: Statements._if,
    ast.For: Statements._for,
    ast.AsyncFor: Statements._for,
    ast.While: Statements._while,
    ast.With: Statements._with,
    ast.AsyncWith: Statements._with,
    ast.Try: Statements._try,
    ast.TryStar: Statements._try,
    ast.Match: Statements._match,
}
if hasattr(ast, "TypeAlias"):  # Python 3.12
    _HANDLERS[ast.TypeAlias] = Statements._type_alias
