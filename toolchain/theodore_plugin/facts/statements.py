"""libcst statements to facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.expressions import Expressions, Spans, identifier


class Statements:
    """Lowers blocks; one instance per module."""

    def __init__(self, spans: Spans) -> None:
        self.expressions = Expressions(spans)

    def block(self, body: Iterable[cst.CSTNode]) -> m.Block:
        """Lower the statements of a suite."""
        lowered: list[m.Statement] = []
        for node in body:
            if isinstance(node, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
                for small in node.body:
                    lowered.extend(self._statement(small))
            else:
                lowered.extend(self._statement(node))
        return tuple(lowered)

    def _suite(self, suite: cst.BaseSuite | None) -> m.Block:
        if suite is None:
            return ()
        return self.block([suite] if isinstance(suite, cst.SimpleStatementSuite) else suite.body)

    def _statement(self, node: cst.CSTNode) -> Iterable[m.Statement]:
        handler = _HANDLERS.get(type(node))
        if handler is None:
            return (m.ExprStatement(self.expressions.lower(node), self._span(node)),)
        return handler(self, node)

    def _span(self, node: cst.CSTNode) -> m.Span:
        return self.expressions.span(node)

    def _expr(self, node: cst.Expr) -> Iterable[m.Statement]:
        return (m.ExprStatement(self.expressions.lower(node.value), self._span(node)),)

    def _nothing(self, _node: cst.CSTNode) -> Iterable[m.Statement]:
        return ()

    def _import(self, node: cst.Import) -> Iterable[m.Statement]:
        for alias in node.names:
            target = _dotted(alias.name)
            name = _alias_name(alias) or target.split(".", 1)[0]
            yield m.Import(target, name, alias.asname is not None, self._span(alias))

    def _import_from(self, node: cst.ImportFrom) -> Iterable[m.Statement]:
        module = _dotted(node.module) if node.module else ""
        level = len(node.relative)
        if isinstance(node.names, cst.ImportStar):
            return (m.ImportFrom(module, level, "*", "*", self._span(node)),)
        return [
            m.ImportFrom(
                module, level, _dotted(alias.name), _alias_name(alias) or _dotted(alias.name), self._span(alias)
            )
            for alias in node.names
        ]

    def _function(self, node: cst.FunctionDef) -> Iterable[m.Statement]:
        body = self._suite(node.body)
        lower = self.expressions
        return (
            m.Function(
                identifier(node.name.value),
                lower.parameters(node.params),
                lower.many(decorator.decorator for decorator in node.decorators),
                lower.annotation(node.returns),
                body,
                node.asynchronous is not None,
                _yields(body),
                self._span(node),
                self._span(node.name),
            ),
        )

    def _class(self, node: cst.ClassDef) -> Iterable[m.Statement]:
        lower = self.expressions
        return (
            m.Class(
                identifier(node.name.value),
                lower.arguments([*node.bases, *node.keywords]),
                lower.many(decorator.decorator for decorator in node.decorators),
                self._suite(node.body),
                self._span(node),
                self._span(node.name),
            ),
        )

    def _assign(self, node: cst.Assign) -> Iterable[m.Statement]:
        targets = self.expressions.many(target.target for target in node.targets)
        return (m.Assign(targets, self.expressions.lower(node.value), None, False, self._span(node)),)

    def _annotated(self, node: cst.AnnAssign) -> Iterable[m.Statement]:
        lower = self.expressions
        target = (lower.lower(node.target),)
        return (
            m.Assign(target, lower.optional(node.value), lower.annotation(node.annotation), False, self._span(node)),
        )

    def _augmented(self, node: cst.AugAssign) -> Iterable[m.Statement]:
        lower = self.expressions
        return (m.Assign((lower.lower(node.target),), lower.lower(node.value), None, True, self._span(node)),)

    def _return(self, node: cst.Return) -> Iterable[m.Statement]:
        return (m.Return(self.expressions.optional(node.value), self._span(node)),)

    def _raise(self, node: cst.Raise) -> Iterable[m.Statement]:
        cause = node.cause.item if node.cause else None
        lower = self.expressions
        return (m.Raise(lower.optional(node.exc), lower.optional(cause), self._span(node)),)

    def _delete(self, node: cst.Del) -> Iterable[m.Statement]:
        return (m.Delete((self.expressions.lower(node.target),), self._span(node)),)

    def _scope(self, node: cst.Global | cst.Nonlocal) -> Iterable[m.Statement]:
        names = tuple(identifier(item.name.value) for item in node.names)
        return (m.Scope(type(node).__name__.lower(), names, self._span(node)),)

    def _if(self, node: cst.If) -> Iterable[m.Statement]:
        test = self.expressions.lower(node.test)
        orelse: m.Block = ()
        if isinstance(node.orelse, cst.If):
            orelse = tuple(self._if(node.orelse))
        elif node.orelse is not None:
            orelse = self._suite(node.orelse.body)
        return (m.If(test, self._suite(node.body), orelse, self._span(node)),)

    def _for(self, node: cst.For) -> Iterable[m.Statement]:
        lower = self.expressions
        return (
            m.For(
                lower.lower(node.target),
                lower.lower(node.iter),
                (),
                self._suite(node.body),
                self._else(node.orelse),
                node.asynchronous is not None,
                self._span(node),
            ),
        )

    def _while(self, node: cst.While) -> Iterable[m.Statement]:
        test = self.expressions.lower(node.test)
        return (m.While(test, self._suite(node.body), self._else(node.orelse), self._span(node)),)

    def _with(self, node: cst.With) -> Iterable[m.Statement]:
        lower = self.expressions
        items = tuple(
            (lower.lower(item.item), lower.lower(item.asname.name) if item.asname else None) for item in node.items
        )
        return (m.With(items, self._suite(node.body), node.asynchronous is not None, self._span(node)),)

    def _try(self, node: cst.Try | cst.TryStar) -> Iterable[m.Statement]:
        handlers = tuple(self._handler(handler) for handler in node.handlers)
        final = self._suite(node.finalbody.body) if node.finalbody else ()
        return (m.Try(self._suite(node.body), handlers, self._else(node.orelse), final, self._span(node)),)

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> m.Handler:
        name = node.name.name.value if node.name and isinstance(node.name.name, cst.Name) else None
        return m.Handler(self.expressions.optional(node.type), name, self._suite(node.body), self._span(node))

    def _else(self, node: cst.Else | None) -> m.Block:
        return self._suite(node.body) if node else ()

    def _match(self, node: cst.Match) -> Iterable[m.Statement]:
        cases = tuple(self._case(case) for case in node.cases)
        return (m.Match(self.expressions.lower(node.subject), cases, self._span(node)),)

    def _case(self, node: cst.MatchCase) -> m.MatchCase:
        captures: list[m.Name] = []
        expressions: list[m.Expr] = []
        self._pattern(node.pattern, captures, expressions)
        if node.guard is not None:
            expressions.append(self.expressions.lower(node.guard))
        return m.MatchCase(tuple(captures), tuple(expressions), self._suite(node.body), self._span(node))

    def _pattern(self, node: cst.CSTNode, captures: list[m.Name], expressions: list[m.Expr]) -> None:
        """Collect what a pattern binds and what it evaluates."""
        if isinstance(node, cst.MatchValue):
            expressions.append(self.expressions.lower(node.value))
            return
        if isinstance(node, cst.MatchClass):
            expressions.append(self.expressions.lower(node.cls))
        for bound in (getattr(node, "name", None), getattr(node, "rest", None)):
            if isinstance(bound, cst.Name):
                captures.append(m.Name(identifier(bound.value), self._span(bound)))
        for child in node.children:
            if type(child).__name__.startswith("Match"):
                self._pattern(child, captures, expressions)

    def _type_alias(self, node: cst.TypeAlias) -> Iterable[m.Statement]:
        lower = self.expressions
        return (m.Assign((lower.lower(node.name),), lower.lower(node.value), None, False, self._span(node)),)


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{identifier(node.attr.value)}"
    return identifier(node.value) if isinstance(node, cst.Name) else ""


def _alias_name(alias: cst.ImportAlias) -> str | None:
    return identifier(alias.asname.name.value) if alias.asname and isinstance(alias.asname.name, cst.Name) else None


def _yields(body: m.Block) -> bool:
    """Whether a function body yields itself (nested functions and classes yield for themselves)."""
    pending: list[m.Node] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, m.Yield):
            return True
        if not isinstance(node, (m.Function, m.Lambda, m.Class)):
            pending.extend(m.children(node))
    return False


_HANDLERS: dict[type, Callable[[Statements, Any], Iterable[m.Statement]]] = {
    cst.Expr: Statements._expr,
    cst.Pass: Statements._nothing,
    cst.Break: Statements._nothing,
    cst.Continue: Statements._nothing,
    cst.Import: Statements._import,
    cst.ImportFrom: Statements._import_from,
    cst.FunctionDef: Statements._function,
    cst.ClassDef: Statements._class,
    cst.Assign: Statements._assign,
    cst.AnnAssign: Statements._annotated,
    cst.AugAssign: Statements._augmented,
    cst.Return: Statements._return,
    cst.Raise: Statements._raise,
    cst.Del: Statements._delete,
    cst.Global: Statements._scope,
    cst.Nonlocal: Statements._scope,
    cst.If: Statements._if,
    cst.For: Statements._for,
    cst.While: Statements._while,
    cst.With: Statements._with,
    cst.Try: Statements._try,
    cst.TryStar: Statements._try,
    cst.Match: Statements._match,
    cst.TypeAlias: Statements._type_alias,
}
