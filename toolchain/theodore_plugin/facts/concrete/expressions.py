"""libcst expressions to facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import libcst as cst

from theodore_plugin.facts import model as m
from theodore_plugin.facts.concrete.calls import lower_call
from theodore_plugin.facts.concrete.comprehensions import lower_comprehension, lower_dict_comprehension
from theodore_plugin.facts.concrete.cursor import Cursor, Place
from theodore_plugin.facts.concrete.operators import BINARY, BOOLEAN, COMPARISON, UNARY
from theodore_plugin.facts.concrete.parameters import lower_lambda
from theodore_plugin.facts.concrete.strings import Strings
from theodore_plugin.facts.decoding import identifier
from theodore_plugin.facts.literals import number_value

_CONSTANTS = {"True": True, "False": False, "None": None}


class UnknownSyntax(Exception):
    """A node of a grammar newer than this lowering."""

    def __init__(self, node: object, line: int) -> None:
        super().__init__(f"syntax this version does not know: {type(node).__name__}")
        self.line = line


class Expressions:
    """Lowers expressions in source order, moving the cursor over their tokens."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.strings = Strings(cursor, self.lower)
        self.yields = False
        """Whether the function being lowered has yielded so far."""

    def lower(self, node: Any) -> m.Expr:
        """Lower one expression node, its parentheses included."""
        start = self.cursor.start()
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise UnknownSyntax(node, start[0])
        if not getattr(node, "lpar", None):
            return handler(self, node, start)
        # a tuple or a generator owns its innermost parentheses; they count into its span
        outer = len(node.lpar) - (type(node) in _OWNERS)
        for _ in range(outer):
            self.cursor.take("(")
        lowered = handler(self, node, self.cursor.start())
        for _ in range(outer):
            self.cursor.take(")")
        return lowered

    def optional(self, node: Any) -> m.Expr | None:
        """Lower a node that may be absent."""
        return None if node is None else self.lower(node)

    def comma(self, node: Any) -> None:
        """Move over the comma behind an item, if there is one."""
        if type(node.comma) is cst.Comma:
            self.cursor.take(",")

    def annotation(self, node: cst.Annotation | None, mark: str) -> m.Expr | None:
        """Lower an annotation behind ``:`` or ``->``."""
        if node is None:
            return None
        self.cursor.take(mark)
        return self.lower(node.annotation)

    def word(self, node: cst.Name) -> tuple[str, m.Span]:
        """Move over a name that is no expression; return it as the interpreter reads it, and where it is."""
        start = self.cursor.start()
        self.cursor.take(node.value)
        return identifier(node.value), self.cursor.span(start)

    def _name(self, node: cst.Name, start: Place) -> m.Expr:
        self.cursor.take(node.value)
        span = self.cursor.span(start)
        if node.value in _CONSTANTS:
            return m.Constant(_CONSTANTS[node.value], span)
        return m.Name(identifier(node.value), span)

    def _attribute(self, node: cst.Attribute, start: Place) -> m.Expr:
        value = self.lower(node.value)
        self.cursor.take(".")
        self.cursor.take(node.attr.value)
        return m.Attribute(value, identifier(node.attr.value), self.cursor.span(start))

    def _number(self, node: cst.Integer | cst.Float | cst.Imaginary, start: Place) -> m.Expr:
        self.cursor.take(node.value)
        value = number_value(node.value)
        span = self.cursor.span(start)
        return m.Opaque("literal", (), span) if value is None else m.Constant(value, span)

    def _ellipsis(self, _node: cst.Ellipsis, start: Place) -> m.Expr:
        self.cursor.take("...")
        return m.Constant(..., self.cursor.span(start))

    def _string(self, node: Any, start: Place) -> m.Expr:
        return self.strings.string(node, start)

    def _binary(self, node: cst.BinaryOperation, start: Place) -> m.Expr:
        left = self.lower(node.left)
        operator = type(node.operator)
        self.cursor.take(BINARY[operator])
        right = self.lower(node.right)
        return m.Binary(operator.__name__, left, right, self.cursor.span(start))

    def _unary(self, node: cst.UnaryOperation, start: Place) -> m.Expr:
        operator = type(node.operator)
        self.cursor.take(UNARY[operator])
        return m.Unary(operator.__name__, self.lower(node.expression), self.cursor.span(start))

    def _boolean(self, node: cst.BooleanOperation, start: Place) -> m.Expr:
        """Lower ``a or b or c``, which libcst nests to the left, as the one choice that it is."""
        operator = type(node.operator)
        chain = [node]
        left = node.left
        while isinstance(left, cst.BooleanOperation) and type(left.operator) is operator and not left.lpar:
            chain.append(left)
            left = left.left
        options = [self.lower(left)]
        for link in reversed(chain):
            self.cursor.take(BOOLEAN[operator])
            options.append(self.lower(link.right))
        return m.Choice(tuple(options), (), self.cursor.span(start))

    def _comparison(self, node: cst.Comparison, start: Place) -> m.Expr:
        operands = [self.lower(node.left)]
        for target in node.comparisons:
            for token in COMPARISON[type(target.operator)]:
                self.cursor.take(token)
            operands.append(self.lower(target.comparator))
        return m.Opaque("Comparison", tuple(operands), self.cursor.span(start))

    def _conditional(self, node: cst.IfExp, start: Place) -> m.Expr:
        body = self.lower(node.body)
        self.cursor.take("if")
        test = self.lower(node.test)
        self.cursor.take("else")
        orelse = self.lower(node.orelse)
        return m.Choice((body, orelse), (test,), self.cursor.span(start))

    def _elements(self, elements: Iterable[cst.BaseElement]) -> tuple[m.Expr, ...]:
        lowered = []
        for element in elements:
            lowered.append(self.lower(element if isinstance(element, cst.StarredElement) else element.value))
            self.comma(element)
        return tuple(lowered)

    def _tuple(self, node: cst.Tuple, start: Place) -> m.Expr:
        if node.lpar:
            self.cursor.take("(")
        items = self._elements(node.elements)
        if node.lpar:
            self.cursor.take(")")
        return m.Sequence("tuple", items, self.cursor.span(start))

    def _list(self, node: cst.List, start: Place) -> m.Expr:
        self.cursor.take("[")
        items = self._elements(node.elements)
        self.cursor.take("]")
        return m.Sequence("list", items, self.cursor.span(start))

    def _set(self, node: cst.Set, start: Place) -> m.Expr:
        self.cursor.take("{")
        items = self._elements(node.elements)
        self.cursor.take("}")
        return m.Sequence("set", items, self.cursor.span(start))

    def _starred(self, node: cst.StarredElement | cst.Index, start: Place) -> m.Expr:
        self.cursor.take("*")
        return m.Starred(self.lower(node.value), self.cursor.span(start))

    def _mapping(self, node: cst.Dict, start: Place) -> m.Expr:
        self.cursor.take("{")
        items: list[tuple[m.Expr | None, m.Expr]] = []
        for element in node.elements:
            key = None
            if isinstance(element, cst.DictElement):
                key = self.lower(element.key)
            self.cursor.take(":" if key else "**")
            items.append((key, self.lower(element.value)))
            self.comma(element)
        self.cursor.take("}")
        return m.Mapping(tuple(items), self.cursor.span(start))

    def _subscript(self, node: cst.Subscript, start: Place) -> m.Expr:
        value = self.lower(node.value)
        self.cursor.take("[")
        first = self.cursor.start()
        indexes = [self._index(element) for element in node.slice]
        index = indexes[0]
        if type(node.slice[-1].comma) is cst.Comma or len(indexes) > 1 or isinstance(index, m.Starred):
            index = m.Sequence("tuple", tuple(indexes), self.cursor.span(first))
        self.cursor.take("]")
        return m.Subscript(value, index, self.cursor.span(start))

    def _index(self, element: cst.SubscriptElement) -> m.Expr:
        part: Any = element.slice
        start = self.cursor.start()
        if isinstance(part, cst.Slice):
            lowered = self._slice(part, start)
        else:
            lowered = self._starred(part, start) if part.star else self.lower(part.value)
        self.comma(element)
        return lowered

    def _slice(self, node: cst.Slice, start: Place) -> m.Expr:
        bounds = [self.optional(node.lower)]
        self.cursor.take(":")
        bounds.append(self.optional(node.upper))
        if isinstance(node.second_colon, cst.Colon):
            self.cursor.take(":")
        bounds.append(self.optional(node.step))
        return m.Opaque("Slice", tuple([bound for bound in bounds if bound is not None]), self.cursor.span(start))

    def _await(self, node: cst.Await, start: Place) -> m.Expr:
        self.cursor.take("await")
        return m.Await(self.lower(node.expression), self.cursor.span(start))

    def _yield(self, node: cst.Yield, start: Place) -> m.Expr:
        self.yields = True
        self.cursor.take("yield")
        delegates = isinstance(node.value, cst.From)
        if isinstance(node.value, cst.From):
            self.cursor.take("from")
        value = self.optional(node.value.item if isinstance(node.value, cst.From) else node.value)
        return m.Yield(value, delegates, self.cursor.span(start))

    def _named(self, node: cst.NamedExpr, start: Place) -> m.Expr:
        target = self.lower(node.target)
        self.cursor.take(":=")
        return m.NamedExpr(target, self.lower(node.value), self.cursor.span(start))


_OWNERS = frozenset({cst.Tuple, cst.GeneratorExp})
_HANDLERS: dict[type, Callable[[Expressions, Any, Place], m.Expr]] = {
    cst.Name: Expressions._name,
    cst.Attribute: Expressions._attribute,
    cst.Call: lower_call,
    cst.SimpleString: Expressions._string,
    cst.ConcatenatedString: Expressions._string,
    cst.FormattedString: Expressions._string,
    cst.TemplatedString: Expressions._string,
    cst.Integer: Expressions._number,
    cst.Float: Expressions._number,
    cst.Imaginary: Expressions._number,
    cst.Ellipsis: Expressions._ellipsis,
    cst.BinaryOperation: Expressions._binary,
    cst.UnaryOperation: Expressions._unary,
    cst.BooleanOperation: Expressions._boolean,
    cst.Comparison: Expressions._comparison,
    cst.IfExp: Expressions._conditional,
    cst.List: Expressions._list,
    cst.Tuple: Expressions._tuple,
    cst.Set: Expressions._set,
    cst.StarredElement: Expressions._starred,
    cst.Dict: Expressions._mapping,
    cst.Subscript: Expressions._subscript,
    cst.Lambda: lower_lambda,
    cst.ListComp: lower_comprehension,
    cst.SetComp: lower_comprehension,
    cst.GeneratorExp: lower_comprehension,
    cst.DictComp: lower_dict_comprehension,
    cst.Await: Expressions._await,
    cst.Yield: Expressions._yield,
    cst.NamedExpr: Expressions._named,
}
