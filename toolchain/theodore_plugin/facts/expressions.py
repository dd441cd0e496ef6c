"""libcst expressions to facts."""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m

Spans = dict[int, m.Span]


def identifier(text: str) -> str:
    """Return the identifier as the interpreter reads it: NFKC (Python reference, section 2.3)."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


class Expressions:
    """Lowers expressions; ``spans`` is keyed by ``id(node)`` of the tree being lowered."""

    def __init__(self, spans: Spans) -> None:
        self.spans = spans

    def lower(self, node: cst.CSTNode) -> m.Expr:
        """Lower one expression node, whatever its type."""
        handler = _HANDLERS.get(type(node))
        return handler(self, node) if handler else self._opaque(node)

    def optional(self, node: cst.CSTNode | None) -> m.Expr | None:
        """Lower a node that may be absent."""
        return None if node is None else self.lower(node)

    def many(self, nodes: Iterable[cst.CSTNode]) -> tuple[m.Expr, ...]:
        """Lower several nodes."""
        return tuple([self.lower(node) for node in nodes])

    def span(self, node: cst.CSTNode) -> m.Span:
        """Where ``node`` is."""
        return self.spans[id(node)]

    def arguments(self, args: Iterable[cst.Arg]) -> tuple[m.Argument, ...]:
        """Lower call arguments or class bases."""
        return tuple([self._argument(arg) for arg in args])

    def parameters(self, node: cst.Parameters) -> tuple[m.Parameter, ...]:
        """Lower a parameter list in declaration order."""
        kinds = [(param, "positional-only") for param in node.posonly_params]
        kinds += [(param, "positional") for param in node.params]
        if isinstance(node.star_arg, cst.Param):
            kinds.append((node.star_arg, "*"))
        kinds += [(param, "keyword") for param in node.kwonly_params]
        if node.star_kwarg is not None:
            kinds.append((node.star_kwarg, "**"))
        return tuple([self._parameter(param, kind) for param, kind in kinds])

    def annotation(self, node: cst.Annotation | None) -> m.Expr | None:
        """Lower an annotation."""
        return None if node is None else self.lower(node.annotation)

    def _parameter(self, node: cst.Param, kind: str) -> m.Parameter:
        return m.Parameter(
            identifier(node.name.value),
            kind,
            self.optional(node.default),
            self.annotation(node.annotation),
            self.span(node.name),
        )

    def _argument(self, arg: cst.Arg) -> m.Argument:
        keyword = identifier(arg.keyword.value) if arg.keyword else arg.star or None
        return m.Argument(self.lower(arg.value), keyword, self.span(arg))

    def _name(self, node: cst.Name) -> m.Expr:
        constants = {"True": True, "False": False, "None": None}
        if node.value in constants:
            return m.Constant(constants[node.value], self.span(node))
        return m.Name(identifier(node.value), self.span(node))

    def _attribute(self, node: cst.Attribute) -> m.Expr:
        return m.Attribute(self.lower(node.value), identifier(node.attr.value), self.span(node))

    def _call(self, node: cst.Call) -> m.Expr:
        return m.Call(self.lower(node.func), self.arguments(node.args), self.span(node))

    def _literal(self, node: cst.SimpleString | cst.Integer | cst.Float | cst.Imaginary) -> m.Expr:
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, SyntaxError, MemoryError):  # an integer beyond the digit limit
            return m.Opaque("literal", (), self.span(node))
        return m.Constant(value, self.span(node))

    def _ellipsis(self, node: cst.Ellipsis) -> m.Expr:
        return m.Constant(..., self.span(node))

    def _concatenated(self, node: cst.ConcatenatedString) -> m.Expr:
        left, right = self.lower(node.left), self.lower(node.right)
        span = self.span(node)
        if isinstance(left, m.Constant) and isinstance(right, m.Constant):
            joined = _join(left.value, right.value)
            if joined is not None:
                return m.Constant(joined, span)
        return m.FormattedString((*_string_parts(left), *_string_parts(right)), span)

    def _formatted(self, node: Any) -> m.Expr:
        raw = "r" in node.start.lower()
        return m.FormattedString(tuple([self._format_part(part, raw) for part in node.parts]), self.span(node))

    def _format_part(self, part: Any, raw: bool) -> m.Expr:
        if hasattr(part, "expression"):
            expression = self.lower(part.expression)
            if not part.format_spec and not part.conversion:
                return expression
            spec = self.many(piece.expression for piece in part.format_spec or () if hasattr(piece, "expression"))
            return m.Opaque("format", (expression, *spec), self.span(part))
        text = part.value.replace("{{", "{").replace("}}", "}")
        return m.Constant(text if raw or "\\" not in text else _unescape(text), self.span(part))

    def _binary(self, node: cst.BinaryOperation) -> m.Expr:
        operator = type(node.operator).__name__
        return m.Binary(operator, self.lower(node.left), self.lower(node.right), self.span(node))

    def _unary(self, node: cst.UnaryOperation) -> m.Expr:
        return m.Unary(type(node.operator).__name__, self.lower(node.expression), self.span(node))

    def _boolean(self, node: cst.BooleanOperation) -> m.Expr:
        return m.Choice((self.lower(node.left), self.lower(node.right)), (), self.span(node))

    def _conditional(self, node: cst.IfExp) -> m.Expr:
        options = (self.lower(node.body), self.lower(node.orelse))
        return m.Choice(options, (self.lower(node.test),), self.span(node))

    def _sequence(self, node: cst.List | cst.Tuple | cst.Set) -> m.Expr:
        return m.Sequence(type(node).__name__.lower(), self.many(node.elements), self.span(node))

    def _element(self, node: cst.Element | cst.Index) -> m.Expr:
        return self.lower(node.value)

    def _starred(self, node: cst.StarredElement) -> m.Expr:
        return m.Starred(self.lower(node.value), self.span(node))

    def _mapping(self, node: cst.Dict) -> m.Expr:
        items: list[tuple[m.Expr | None, m.Expr]] = []
        for element in node.elements:
            key = self.lower(element.key) if isinstance(element, cst.DictElement) else None
            items.append((key, self.lower(element.value)))
        return m.Mapping(tuple(items), self.span(node))

    def _subscript(self, node: cst.Subscript) -> m.Expr:
        indexes = [self.lower(element.slice) for element in node.slice]
        index = indexes[0] if len(indexes) == 1 else m.Sequence("tuple", tuple(indexes), self.span(node))
        return m.Subscript(self.lower(node.value), index, self.span(node))

    def _lambda(self, node: cst.Lambda) -> m.Expr:
        return m.Lambda(self.parameters(node.params), self.lower(node.body), self.span(node))

    def _comprehension(self, node: cst.ListComp | cst.SetComp | cst.GeneratorExp) -> m.Expr:
        kind = type(node).__name__
        return m.Comprehension(kind, (self.lower(node.elt),), self._clauses(node.for_in), self.span(node))

    def _dict_comprehension(self, node: cst.DictComp) -> m.Expr:
        elements = (self.lower(node.key), self.lower(node.value))
        return m.Comprehension("DictComp", elements, self._clauses(node.for_in), self.span(node))

    def _clauses(self, clause: cst.CompFor | None) -> tuple[m.For, ...]:
        clauses: list[m.For] = []
        while clause is not None:
            tests = self.many(test.test for test in clause.ifs)
            target, iterable = self.lower(clause.target), self.lower(clause.iter)
            is_async = clause.asynchronous is not None
            clauses.append(m.For(target, iterable, tests, (), (), is_async, self.span(clause)))
            clause = clause.inner_for_in
        return tuple(clauses)

    def _await(self, node: cst.Await) -> m.Expr:
        return m.Await(self.lower(node.expression), self.span(node))

    def _yield(self, node: cst.Yield) -> m.Expr:
        if isinstance(node.value, cst.From):
            return m.Yield(self.lower(node.value.item), True, self.span(node))
        return m.Yield(self.optional(node.value), False, self.span(node))

    def _named(self, node: cst.NamedExpr) -> m.Expr:
        return m.NamedExpr(self.lower(node.target), self.lower(node.value), self.span(node))

    def _opaque(self, node: cst.CSTNode) -> m.Expr:
        """Keep the expressions below a node this lowering has no fact for."""
        found = [self.lower(child) for child in node.children if _may_hold_expressions(child)]
        return m.Opaque(type(node).__name__, tuple(found), self.span(node))


def _may_hold_expressions(node: cst.CSTNode) -> bool:
    return not isinstance(
        node, (cst.BaseParenthesizableWhitespace, cst.Comma, cst.LeftParen, cst.RightParen, cst.Colon)
    )


def _join(left: object, right: object) -> str | bytes | None:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, bytes) and isinstance(right, bytes):
        return left + right
    return None


def _string_parts(expression: m.Expr) -> tuple[m.Expr, ...]:
    return expression.parts if isinstance(expression, m.FormattedString) else (expression,)


def _unescape(text: str) -> str:
    """Resolve the escapes of an f-string's literal part as the tokenizer would."""
    quoted = text.replace('"', '\\"') if '\\"' not in text else text
    try:
        value = ast.literal_eval(f'"""{quoted}"""')
    except (ValueError, SyntaxError):
        return text
    return str(value)


_HANDLERS: dict[type, Callable[[Expressions, Any], m.Expr]] = {
    cst.Name: Expressions._name,
    cst.Attribute: Expressions._attribute,
    cst.Call: Expressions._call,
    cst.SimpleString: Expressions._literal,
    cst.Integer: Expressions._literal,
    cst.Float: Expressions._literal,
    cst.Imaginary: Expressions._literal,
    cst.Ellipsis: Expressions._ellipsis,
    cst.ConcatenatedString: Expressions._concatenated,
    cst.FormattedString: Expressions._formatted,
    cst.TemplatedString: Expressions._formatted,
    cst.BinaryOperation: Expressions._binary,
    cst.UnaryOperation: Expressions._unary,
    cst.BooleanOperation: Expressions._boolean,
    cst.IfExp: Expressions._conditional,
    cst.List: Expressions._sequence,
    cst.Tuple: Expressions._sequence,
    cst.Set: Expressions._sequence,
    cst.Element: Expressions._element,
    cst.Index: Expressions._element,
    cst.StarredElement: Expressions._starred,
    cst.Dict: Expressions._mapping,
    cst.Subscript: Expressions._subscript,
    cst.Lambda: Expressions._lambda,
    cst.ListComp: Expressions._comprehension,
    cst.SetComp: Expressions._comprehension,
    cst.GeneratorExp: Expressions._comprehension,
    cst.DictComp: Expressions._dict_comprehension,
    cst.Await: Expressions._await,
    cst.Yield: Expressions._yield,
    cst.NamedExpr: Expressions._named,
}
