"""``ast`` expressions to facts.

This runs over every line of every dependency, so the common handlers are flat: a table instead of tests on types,
positions read in place, loops instead of generators. What ``ast`` annotates as optional is there in a parsed tree.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.abstract.fields import Fields, has_places
from theodore_plugin.facts.abstract.operators import BINARY, UNARY
from theodore_plugin.facts.abstract.source import Source
from theodore_plugin.facts.clauses import clause_of
from theodore_plugin.facts.literals import formatted, joined
from theodore_plugin.facts.model import Argument, Attribute, Call, Constant, Name, Parameter, Span

Node = Any


class UnknownSyntax(Exception):
    """A node of a grammar newer than this lowering."""

    def __init__(self, node: Node) -> None:
        super().__init__(f"syntax this version does not know: {type(node).__name__}")
        self.line: int = getattr(node, "lineno", 1)


class Expressions:
    """Lowers expressions; one instance per module."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.yields = False
        """Whether the function being lowered has yielded so far."""

    def lower(self, node: Node) -> m.Expr:
        """Lower one expression node."""
        return HANDLERS[type(node)](self, node)

    def optional(self, node: Node | None) -> m.Expr | None:
        """Lower a node that may be absent."""
        return None if node is None else HANDLERS[type(node)](self, node)

    def many(self, nodes: list[Node]) -> tuple[m.Expr, ...]:
        """Lower several nodes."""
        return tuple([HANDLERS[type(node)](self, node) for node in nodes])

    def arguments(self, args: list[Node], keywords: list[Node]) -> tuple[m.Argument, ...]:
        """Lower call arguments or class bases, in source order."""
        lowered = []
        starred = False
        for node in args:
            if type(node) is ast.Starred:
                starred = True
                value = node.value
                lowered.append(Argument(HANDLERS[type(value)](self, value), "*", span(node)))
            else:
                positional = HANDLERS[type(node)](self, node)
                lowered.append(Argument(positional, None, positional.span))
        for node in keywords:
            value = node.value
            lowered.append(Argument(HANDLERS[type(value)](self, value), node.arg or "**", span(node)))
        if starred and keywords:  # f(a=1, *b) is the one case where a positional argument follows a keyword
            lowered.sort(key=_place)
        return tuple(lowered)

    def parameters(self, node: ast.arguments) -> tuple[m.Parameter, ...]:
        """Lower a parameter list in declaration order."""
        named = node.posonlyargs + node.args
        defaults: list[Node] = [None] * (len(named) - len(node.defaults)) + node.defaults
        only = len(node.posonlyargs)
        lowered = [
            self._parameter(item, "positional" if index >= only else "positional-only", defaults[index])
            for index, item in enumerate(named)
        ]
        if node.vararg is not None:
            lowered.append(self._parameter(node.vararg, "*", None))
        for item, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            lowered.append(self._parameter(item, "keyword", default))
        if node.kwarg is not None:
            lowered.append(self._parameter(node.kwarg, "**", None))
        return tuple(lowered)

    def _parameter(self, node: Node, kind: str, default: Node | None) -> m.Parameter:
        line, column, name = node.lineno, node.col_offset, node.arg
        annotation = node.annotation
        if annotation is None:
            place = Span(line, column, line, node.end_col_offset)
        else:
            place = Span(line, column, line, column + (len(name) if name.isascii() else self.source.word(line, column)))
            annotation = HANDLERS[type(annotation)](self, annotation)
        value = None if default is None else HANDLERS[type(default)](self, default)
        return Parameter(name, kind, value, annotation, place)

    def _name(self, node: Node) -> m.Expr:
        return Name(node.id, Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset))

    def _constant(self, node: Node) -> m.Expr:
        return Constant(node.value, Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset))

    def _attribute(self, node: Node) -> m.Expr:
        value = node.value
        return Attribute(
            HANDLERS[type(value)](self, value),
            node.attr,
            Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset),
        )

    def _call(self, node: Node) -> m.Expr:
        func, args, keywords = node.func, node.args, node.keywords
        return Call(
            HANDLERS[type(func)](self, func),
            self.arguments(args, keywords) if args or keywords else (),
            Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset),
        )

    def _binary(self, node: Node) -> m.Expr:
        left, right = node.left, node.right
        return m.Binary(
            BINARY[type(node.op)],
            HANDLERS[type(left)](self, left),
            HANDLERS[type(right)](self, right),
            Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset),
        )

    def _unary(self, node: Node) -> m.Expr:
        return m.Unary(UNARY[type(node.op)], self.lower(node.operand), span(node))

    def _boolean(self, node: Node) -> m.Expr:
        return m.Choice(self.many(node.values), (), span(node))

    def _comparison(self, node: Node) -> m.Expr:
        left = node.left
        return m.Opaque("Comparison", (HANDLERS[type(left)](self, left), *self.many(node.comparators)), span(node))

    def _conditional(self, node: Node) -> m.Expr:
        body, test = self.lower(node.body), self.lower(node.test)
        return m.Choice((body, self.lower(node.orelse)), (test,), span(node))

    def _tuple(self, node: Node) -> m.Expr:
        return m.Sequence("tuple", self.many(node.elts), span(node))

    def _list(self, node: Node) -> m.Expr:
        return m.Sequence("list", self.many(node.elts), span(node))

    def _set(self, node: Node) -> m.Expr:
        return m.Sequence("set", self.many(node.elts), span(node))

    def _starred(self, node: Node) -> m.Expr:
        return m.Starred(self.lower(node.value), span(node))

    def _mapping(self, node: Node) -> m.Expr:
        items = [(self.optional(key), self.lower(value)) for key, value in zip(node.keys, node.values, strict=True)]
        return m.Mapping(tuple(items), span(node))

    def _subscript(self, node: Node) -> m.Expr:
        return m.Subscript(self.lower(node.value), self.lower(node.slice), span(node))

    def _slice(self, node: Node) -> m.Expr:
        bounds = [self.lower(bound) for bound in (node.lower, node.upper, node.step) if bound is not None]
        return m.Opaque("Slice", tuple(bounds), span(node))

    def _lambda(self, node: Node) -> m.Expr:
        parameters = self.parameters(node.args)
        around, self.yields = self.yields, False  # a lambda yields for itself
        body = self.lower(node.body)
        self.yields = around
        return m.Lambda(parameters, body, span(node))

    def _comprehension(self, node: Node) -> m.Expr:
        return m.Comprehension(type(node).__name__, (self.lower(node.elt),), self._clauses(node), span(node))

    def _dict_comprehension(self, node: Node) -> m.Expr:
        elements = (self.lower(node.key), self.lower(node.value))
        return m.Comprehension("DictComp", elements, self._clauses(node), span(node))

    def _clauses(self, node: Node) -> tuple[m.For, ...]:
        return tuple(
            [
                clause_of(self.lower(item.target), self.lower(item.iter), self.many(item.ifs), item.is_async != 0)
                for item in node.generators
            ]
        )

    def _await(self, node: Node) -> m.Expr:
        return m.Await(self.lower(node.value), span(node))

    def _yield(self, node: Node) -> m.Expr:
        self.yields = True
        return m.Yield(self.optional(node.value), False, span(node))

    def _yield_from(self, node: Node) -> m.Expr:
        self.yields = True
        return m.Yield(self.lower(node.value), True, span(node))

    def _named(self, node: Node) -> m.Expr:
        return m.NamedExpr(self.lower(node.target), self.lower(node.value), span(node))

    def _formatted_string(self, node: Node) -> m.Expr:
        if has_places(node):
            return joined(self._pieces(node), span(node), formatted=True)
        return Fields(self.source, self.lower).string(span(node))

    def _pieces(self, node: Node) -> list[str | bytes | m.Expr]:
        """Lower the parts of an f-string whose expressions know where they are."""
        pieces: list[str | bytes | m.Expr] = []
        for part in node.values:
            pieces.append(str(part.value) if isinstance(part, ast.Constant) else self._field(part))
        return pieces

    def _field(self, node: Node) -> m.Expr:
        spec = node.format_spec
        inner = None
        if spec is not None and spec.values:
            inner = tuple([piece for piece in self._pieces(spec) if not isinstance(piece, (str, bytes))])
        return formatted(self.lower(node.value), node.conversion != -1, inner)


def span(node: Node) -> m.Span:
    """Return where a node is."""
    return Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def _place(argument: m.Argument) -> m.Span:
    return argument.span


class _Handlers(dict[type, Callable[[Expressions, Node], m.Expr]]):
    """The table; what is not in it is syntax this version does not know."""

    def __missing__(self, _kind: type) -> Callable[[Expressions, Node], m.Expr]:
        return _refuse


def _refuse(_lowering: Expressions, node: Node) -> m.Expr:
    raise UnknownSyntax(node)


HANDLERS = _Handlers(
    {
        ast.Name: Expressions._name,
        ast.Constant: Expressions._constant,
        ast.Attribute: Expressions._attribute,
        ast.Call: Expressions._call,
        ast.BinOp: Expressions._binary,
        ast.UnaryOp: Expressions._unary,
        ast.BoolOp: Expressions._boolean,
        ast.Compare: Expressions._comparison,
        ast.IfExp: Expressions._conditional,
        ast.Tuple: Expressions._tuple,
        ast.List: Expressions._list,
        ast.Set: Expressions._set,
        ast.Starred: Expressions._starred,
        ast.Dict: Expressions._mapping,
        ast.Subscript: Expressions._subscript,
        ast.Slice: Expressions._slice,
        ast.Lambda: Expressions._lambda,
        ast.ListComp: Expressions._comprehension,
        ast.SetComp: Expressions._comprehension,
        ast.GeneratorExp: Expressions._comprehension,
        ast.DictComp: Expressions._dict_comprehension,
        ast.Await: Expressions._await,
        ast.Yield: Expressions._yield,
        ast.YieldFrom: Expressions._yield_from,
        ast.NamedExpr: Expressions._named,
        ast.JoinedStr: Expressions._formatted_string,
    }
)
if hasattr(ast, "TemplateStr"):  # Python 3.14
    HANDLERS[ast.TemplateStr] = Expressions._formatted_string
