"""libcst statements to facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.cursor import Cursor, Place
from theodore_plugin.facts.concrete.expressions import Expressions, UnknownSyntax
from theodore_plugin.facts.concrete.operators import AUGMENTED
from theodore_plugin.facts.concrete.patterns import Pattern
from theodore_plugin.facts.decoding import identifier

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

    def _suite(self, suite: cst.BaseSuite) -> m.Block:
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

    def _import(self, node: cst.Import, _start: Place) -> Lowered:
        self.cursor.take("import")
        return tuple([self._import_alias(alias) for alias in node.names])

    def _lazy_import(self, node: Any, start: Place) -> Lowered:
        """Lower ``lazy import`` (PEP 810) as an import: it takes effect at the first use, wherever that is."""
        self.cursor.take("lazy")
        inner = self.cursor.start()
        if isinstance(node, cst.LazyImportFrom):
            return self._import_from(node, start)
        return self._import(node, inner)

    def _import_alias(self, alias: cst.ImportAlias) -> m.Import:
        target, name, span = self._alias(alias)
        return m.Import(target, name or target.split(".", 1)[0], alias.asname is not None, span)

    def _import_from(self, node: Any, start: Place) -> Lowered:
        self.cursor.take("from")
        for _ in node.relative:
            self.cursor.take(".")
        module = self._dotted(node.module) if node.module else ""
        level = len(node.relative)
        self.cursor.take("import")
        if isinstance(node.names, cst.ImportStar):
            self.cursor.take("*")
            return (m.ImportFrom(module, level, "*", "*", self._span(start)),)
        if node.lpar:
            self.cursor.take("(")
        found = [self._alias(alias) for alias in node.names]
        if node.lpar:
            self.cursor.take(")")
        return tuple([m.ImportFrom(module, level, target, name or target, span) for target, name, span in found])

    def _alias(self, alias: cst.ImportAlias) -> tuple[str, str | None, m.Span]:
        """Return what is imported, the name behind ``as``, and where."""
        start = self.cursor.start()
        target, name = self._dotted(alias.name), None
        if alias.asname is not None:
            self.cursor.take("as")
            name = self._dotted(alias.asname.name)
        span = self._span(start)
        self.expressions.comma(alias)
        return target, name, span

    def _dotted(self, node: cst.CSTNode) -> str:
        prefix = ""
        if isinstance(node, cst.Attribute):
            prefix = self._dotted(node.value) + "."
            self.cursor.take(".")
            node = node.attr
        if not isinstance(node, cst.Name):
            raise UnknownSyntax(node, self.cursor.place()[0])
        self.cursor.take(node.value)
        return prefix + identifier(node.value)

    def _decorators(self, decorators: Iterable[cst.Decorator]) -> tuple[m.Expr, ...]:
        lowered = []
        for decorator in decorators:
            self.cursor.take("@")
            lowered.append(self.expressions.lower(decorator.decorator))
        return tuple(lowered)

    def _bounds(self, node: cst.TypeParameters | None) -> tuple[m.Expr, ...]:
        """Lower what type parameters name besides themselves: bounds and defaults."""
        if node is None:
            return ()
        self.cursor.take("[")
        bounds = [bound for item in node.params for bound in self._type_parameter(item)]
        self.cursor.take("]")
        return tuple(bounds)

    def _type_parameter(self, node: cst.TypeParam) -> list[m.Expr]:
        found: list[m.Expr] = []
        self.cursor.take(_TYPE_PARAMETER_STARS[type(node.param)])
        self.cursor.take(node.param.name.value)
        if isinstance(node.param, cst.TypeVar) and node.param.bound is not None:
            self.cursor.take(":")
            found.append(self.expressions.lower(node.param.bound))
        if node.default is not None:
            self.cursor.take("=")
            start = self.cursor.start()
            self.cursor.take(node.star)
            default = self.expressions.lower(node.default)
            found.append(m.Starred(default, self._span(start)) if node.star else default)
        self.expressions.comma(node)
        return found

    def _function(self, node: cst.FunctionDef, start: Place) -> Lowered:
        lower, cursor = self.expressions, self.cursor
        decorators = self._decorators(node.decorators)
        start = cursor.start()
        if node.asynchronous is not None:
            cursor.take("async")
        cursor.take("def")
        name, name_span = lower.word(node.name)
        bounds = self._bounds(node.type_parameters)
        cursor.take("(")
        parameters = lower.parameters(node.params)
        cursor.take(")")
        returns = lower.annotation(node.returns, "->")
        around, lower.yields = lower.yields, False
        body = self._suite(node.body)
        generates, lower.yields = lower.yields, around
        is_async = node.asynchronous is not None
        span = self._span(start)
        return (m.Function(name, parameters, decorators, returns, body, is_async, generates, span, name_span, bounds),)

    def _class(self, node: cst.ClassDef, start: Place) -> Lowered:
        lower, cursor = self.expressions, self.cursor
        decorators = self._decorators(node.decorators)
        start = cursor.start()
        cursor.take("class")
        name, name_span = lower.word(node.name)
        bounds = self._bounds(node.type_parameters)
        bracketed = isinstance(node.lpar, cst.LeftParen)
        if bracketed:
            cursor.take("(")
        bases = lower.arguments([*node.bases, *node.keywords])
        if bracketed:
            cursor.take(")")
        body = self._suite(node.body)
        return (m.Class(name, bases, decorators, body, self._span(start), name_span, bounds),)

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

    def _type_alias(self, node: cst.TypeAlias, start: Place) -> Lowered:
        self.cursor.take("type")
        target = self.expressions.lower(node.name)
        bounds = self._bounds(node.type_parameters)
        self.cursor.take("=")
        value = self.expressions.lower(node.value)
        span = self._span(start)
        return (m.Assign((target,), m.Opaque("TypeAlias", (value, *bounds), value.span), None, False, span),)

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
        body = self._suite(node.body)
        if isinstance(node.orelse, cst.If):
            orelse: m.Block = self._branch(node.orelse, self.cursor.start(), "elif")
        else:
            orelse = self._else(node.orelse)
        return (m.If(test, body, orelse, self._span(start)),)

    def _else(self, node: cst.Else | None) -> m.Block:
        if node is None:
            return ()
        self.cursor.take("else")
        return self._suite(node.body)

    def _for(self, node: cst.For, start: Place) -> Lowered:
        if node.asynchronous is not None:
            self.cursor.take("async")
        self.cursor.take("for")
        target = self.expressions.lower(node.target)
        self.cursor.take("in")
        iterable = self.expressions.lower(node.iter)
        body, orelse = self._suite(node.body), self._else(node.orelse)
        is_async = node.asynchronous is not None
        return (m.For(target, iterable, (), body, orelse, is_async, self._span(start)),)

    def _while(self, node: cst.While, start: Place) -> Lowered:
        self.cursor.take("while")
        test = self.expressions.lower(node.test)
        body, orelse = self._suite(node.body), self._else(node.orelse)
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
        body = self._suite(node.body)
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
        body = self._suite(node.body)
        handlers = tuple([self._handler(handler) for handler in node.handlers])
        orelse = self._else(node.orelse)
        final: m.Block = ()
        if node.finalbody is not None:
            self.cursor.take("finally")
            final = self._suite(node.finalbody.body)
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
            name = self._dotted(node.name.name)
        body = self._suite(node.body)
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
        body = self._suite(node.body)
        return m.MatchCase(tuple(pattern.captures), tuple(pattern.evaluated), body, self._span(start))


_TYPE_PARAMETER_STARS: dict[type, str] = {cst.TypeVar: "", cst.TypeVarTuple: "*", cst.ParamSpec: "**"}
_HANDLERS: dict[type, Callable[[Statements, Any, Place], Lowered]] = {
    cst.Expr: Statements._expr,
    cst.Pass: Statements._keyword,
    cst.Break: Statements._keyword,
    cst.Continue: Statements._keyword,
    cst.Assert: Statements._assert,
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
# nodes of the grammars after 3.14, as far as this libcst knows them
_HANDLERS.update(
    {getattr(cst, name): Statements._lazy_import for name in ("LazyImport", "LazyImportFrom") if hasattr(cst, name)}
)
