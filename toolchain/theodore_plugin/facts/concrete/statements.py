"""libcst statements to facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Cursor, Place
from theodore_plugin.facts.concrete.definitions import lower_class, lower_function, lower_type_alias
from theodore_plugin.facts.concrete.expressions import Expressions, UnknownSyntax
from theodore_plugin.facts.concrete.imports import lower_dotted, lower_import, lower_import_from, lower_lazy_import
from theodore_plugin.facts.concrete.operators import AUGMENTED
from theodore_plugin.facts.concrete.patterns import Pattern

Lowered = tuple[m.Statement, ...]


class Statements:
    """Lowers blocks; one instance per module."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.expressions = Expressions(cursor)

    def block(self, body: Iterable[cst.CSTNode]) -> m.Block:
        """Lower the statements of a suite."""
        lowered: list[m.Statement] = []
        for node in body:
            if isinstance(node, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
                for small in node.body:
                    lowered.extend(self._statement(small))
                    if isinstance(small.semicolon, cst.Semicolon):
                        self.cursor.take(";")
            else:
                lowered.extend(self._statement(node))
        return tuple(lowered)

    def suite(self, suite: cst.BaseSuite) -> m.Block:
        """Lower the statements behind a colon."""
        self.cursor.take(":")
        return self.block([suite] if isinstance(suite, cst.SimpleStatementSuite) else suite.body)

    def _statement(self, node: cst.CSTNode) -> Lowered:
        start = self.cursor.start()
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise UnknownSyntax(node, start[0])
        return handler(self, node, start)

    def _span(self, start: Place) -> m.Span:
        return self.cursor.span(start)

    def _expr(self, node: cst.Expr, start: Place) -> Lowered:
        return (m.ExprStatement(self.expressions.lower(node.value), self._span(start)),)

    def _keyword(self, node: cst.CSTNode, _start: Place) -> Lowered:
        self.cursor.take(type(node).__name__.lower())
        return ()

    def _assert(self, node: cst.Assert, start: Place) -> Lowered:
        self.cursor.take("assert")
        said = [self.expressions.lower(node.test)]
        self.expressions.comma(node)
        if node.msg is not None:
            said.append(self.expressions.lower(node.msg))
        span = self._span(start)
        return (m.ExprStatement(m.Opaque("Assert", tuple(said), span), span),)

    def _assign(self, node: cst.Assign, start: Place) -> Lowered:
        targets = tuple([self._target(target) for target in node.targets])
        return (m.Assign(targets, self.expressions.lower(node.value), None, False, self._span(start)),)

    def _target(self, node: cst.AssignTarget) -> m.Expr:
        target = self.expressions.lower(node.target)
        self.cursor.take("=")
        return target

    def _annotated(self, node: cst.AnnAssign, start: Place) -> Lowered:
        target = self.expressions.lower(node.target)
        annotation = self.expressions.annotation(node.annotation, ":")
        value = None
        if node.value is not None:
            self.cursor.take("=")
            value = self.expressions.lower(node.value)
        return (m.Assign((target,), value, annotation, False, self._span(start)),)

    def _augmented(self, node: cst.AugAssign, start: Place) -> Lowered:
        target = self.expressions.lower(node.target)
        self.cursor.take(AUGMENTED[type(node.operator)])
        return (m.Assign((target,), self.expressions.lower(node.value), None, True, self._span(start)),)

    def _return(self, node: cst.Return, start: Place) -> Lowered:
        self.cursor.take("return")
        return (m.Return(self.expressions.optional(node.value), self._span(start)),)

    def _raise(self, node: cst.Raise, start: Place) -> Lowered:
        self.cursor.take("raise")
        value = self.expressions.optional(node.exc)
        cause = None
        if node.cause is not None:
            self.cursor.take("from")
            cause = self.expressions.lower(node.cause.item)
        return (m.Raise(value, cause, self._span(start)),)

    def _delete(self, node: cst.Del, start: Place) -> Lowered:
        self.cursor.take("del")
        target = self.expressions.lower(node.target)
        several = isinstance(target, m.Sequence) and target.kind == "tuple" and not node.target.lpar
        targets = target.items if several and isinstance(target, m.Sequence) else (target,)
        return (m.Delete(targets, self._span(start)),)

    def _scope(self, node: cst.Global | cst.Nonlocal, start: Place) -> Lowered:
        kind = type(node).__name__.lower()
        self.cursor.take(kind)
        names = []
        for item in node.names:
            names.append(self.expressions.word(item.name)[0])
            self.expressions.comma(item)
        return (m.Scope(kind, tuple(names), self._span(start)),)

    def _if(self, node: cst.If, start: Place) -> Lowered:
        return self._branch(node, start, "if")

    def _branch(self, node: cst.If, start: Place, keyword: str) -> Lowered:
        self.cursor.take(keyword)
        test = self.expressions.lower(node.test)
        body = self.suite(node.body)
        if isinstance(node.orelse, cst.If):
            orelse: m.Block = self._branch(node.orelse, self.cursor.start(), "elif")
        else:
            orelse = self._else(node.orelse)
        return (m.If(test, body, orelse, self._span(start)),)

    def _else(self, node: cst.Else | None) -> m.Block:
        if node is None:
            return ()
        self.cursor.take("else")
        return self.suite(node.body)

    def _for(self, node: cst.For, start: Place) -> Lowered:
        if node.asynchronous is not None:
            self.cursor.take("async")
        self.cursor.take("for")
        target = self.expressions.lower(node.target)
        self.cursor.take("in")
        iterable = self.expressions.lower(node.iter)
        body, orelse = self.suite(node.body), self._else(node.orelse)
        is_async = node.asynchronous is not None
        return (m.For(target, iterable, (), body, orelse, is_async, self._span(start)),)

    def _while(self, node: cst.While, start: Place) -> Lowered:
        self.cursor.take("while")
        test = self.expressions.lower(node.test)
        body, orelse = self.suite(node.body), self._else(node.orelse)
        return (m.While(test, body, orelse, self._span(start)),)

    def _with(self, node: cst.With, start: Place) -> Lowered:
        if node.asynchronous is not None:
            self.cursor.take("async")
        self.cursor.take("with")
        bracketed = isinstance(node.lpar, cst.LeftParen)
        if bracketed:
            self.cursor.take("(")
        items = tuple([self._with_item(item) for item in node.items])
        if bracketed:
            self.cursor.take(")")
        body = self.suite(node.body)
        return (m.With(items, body, node.asynchronous is not None, self._span(start)),)

    def _with_item(self, node: cst.WithItem) -> tuple[m.Expr, m.Expr | None]:
        value = self.expressions.lower(node.item)
        target = None
        if node.asname is not None:
            self.cursor.take("as")
            target = self.expressions.lower(node.asname.name)
        self.expressions.comma(node)
        return value, target

    def _try(self, node: cst.Try | cst.TryStar, start: Place) -> Lowered:
        self.cursor.take("try")
        body = self.suite(node.body)
        handlers = tuple([self._handler(handler) for handler in node.handlers])
        orelse = self._else(node.orelse)
        final: m.Block = ()
        if node.finalbody is not None:
            self.cursor.take("finally")
            final = self.suite(node.finalbody.body)
        return (m.Try(body, handlers, orelse, final, self._span(start)),)

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> m.Handler:
        start = self.cursor.start()
        self.cursor.take("except")
        if isinstance(node, cst.ExceptStarHandler):
            self.cursor.take("*")
        caught = self.expressions.optional(node.type)
        name = None
        if node.name is not None:
            self.cursor.take("as")
            name = lower_dotted(self, node.name.name)
        body = self.suite(node.body)
        return m.Handler(caught, name, body, self._span(start))

    def _match(self, node: cst.Match, start: Place) -> Lowered:
        self.cursor.take("match")
        subject = self.expressions.lower(node.subject)
        self.cursor.take(":")
        cases = tuple([self._case(case) for case in node.cases])
        return (m.Match(subject, cases, self._span(start)),)

    def _case(self, node: cst.MatchCase) -> m.MatchCase:
        self.cursor.take("case")
        pattern = Pattern(self.expressions)
        start = pattern.read(node.pattern)
        if node.guard is not None:
            self.cursor.take("if")
            pattern.evaluated.append(self.expressions.lower(node.guard))
        body = self.suite(node.body)
        return m.MatchCase(tuple(pattern.captures), tuple(pattern.evaluated), body, self._span(start))


_HANDLERS: dict[type, Callable[[Statements, Any, Place], Lowered]] = {
    cst.Expr: Statements._expr,
    cst.Pass: Statements._keyword,
    cst.Break: Statements._keyword,
    cst.Continue: Statements._keyword,
    cst.Assert: Statements._assert,
    cst.Import: lower_import,
    cst.ImportFrom: lower_import_from,
    cst.FunctionDef: lower_function,
    cst.ClassDef: lower_class,
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
    cst.TypeAlias: lower_type_alias,
}
# nodes of the grammars after 3.14, as far as this libcst knows them
_HANDLERS.update(
    {getattr(cst, name): lower_lazy_import for name in ("LazyImport", "LazyImportFrom") if hasattr(cst, name)}
)
