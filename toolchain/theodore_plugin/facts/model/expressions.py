"""Expressions. The grammar refers to itself across both files, so each knows the names of the other."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeAlias

from theodore_plugin.facts.model.span import Fact, Span

if TYPE_CHECKING:
    ConstantValue = str | bytes | int | float | complex | EllipsisType | None
else:
    ConstantValue = Any  # a stored union of these would be refused: the format tells some of them apart by hooks only


class Name(Fact, frozen=True, tag=1):
    """A bare name."""

    id: str
    span: Span


class Attribute(Fact, frozen=True, tag=2):
    """``value.attr``."""

    value: Expr
    attr: str
    span: Span


class Constant(Fact, frozen=True, tag=3):
    """A literal: str, bytes, int, float, complex, bool, None or Ellipsis."""

    value: ConstantValue
    span: Span


class FormattedString(Fact, frozen=True, tag=4):
    """An f-string or t-string: literal text and interpolated expressions in order."""

    parts: tuple[Expr, ...]
    span: Span


class Argument(Fact, frozen=True, tag=5):
    """One call argument. ``keyword`` is a name, ``"*"``, ``"**"`` or ``None`` for a positional one."""

    value: Expr
    keyword: str | None
    span: Span


class Call(Fact, frozen=True, tag=6):
    """``callee(arguments)``."""

    callee: Expr
    arguments: tuple[Argument, ...]
    span: Span


class Binary(Fact, frozen=True, tag=7):
    """``left <operator> right`` for the arithmetic and bit operators."""

    operator: str
    left: Expr
    right: Expr
    span: Span


class Unary(Fact, frozen=True, tag=8):
    """``<operator> operand``."""

    operator: str
    operand: Expr
    span: Span


class Choice(Fact, frozen=True, tag=9):
    """Any of these may be the value: ``a or b``, ``a and b``, ``a if test else b`` (tests are in ``tests``)."""

    options: tuple[Expr, ...]
    tests: tuple[Expr, ...]
    span: Span


class Sequence(Fact, frozen=True, tag=10):
    """A list, tuple or set display; ``kind`` says which. Starred items are :class:`Starred`."""

    kind: str
    items: tuple[Expr, ...]
    span: Span


class Starred(Fact, frozen=True, tag=11):
    """``*value`` in a display, a target or an index."""

    value: Expr
    span: Span


class Mapping(Fact, frozen=True, tag=12):
    """A dict display; a key of ``None`` is ``**value``."""

    items: tuple[tuple[Expr | None, Expr], ...]
    span: Span


class Subscript(Fact, frozen=True, tag=13):
    """``value[index]``."""

    value: Expr
    index: Expr
    span: Span


class Lambda(Fact, frozen=True, tag=14):
    """``lambda parameters: body``."""

    parameters: tuple[Parameter, ...]
    body: Expr
    span: Span


class Comprehension(Fact, frozen=True, tag=15):
    """A comprehension or generator expression: ``clauses`` bind, ``elements`` are produced."""

    kind: str
    elements: tuple[Expr, ...]
    clauses: tuple[For, ...]
    span: Span


class Await(Fact, frozen=True, tag=16):
    """``await value``."""

    value: Expr
    span: Span


class Yield(Fact, frozen=True, tag=17):
    """``yield value`` or ``yield from value``."""

    value: Expr | None
    delegates: bool
    span: Span


class NamedExpr(Fact, frozen=True, tag=18):
    """``target := value``."""

    target: Expr
    value: Expr
    span: Span


class Opaque(Fact, frozen=True, tag=19):
    """An expression that carries no fact itself (comparisons, slices, …); its children do."""

    kind: str
    children: tuple[Expr, ...]
    span: Span


Expr: TypeAlias = (
    Name
    | Attribute
    | Constant
    | FormattedString
    | Call
    | Binary
    | Unary
    | Choice
    | Sequence
    | Starred
    | Mapping
    | Subscript
    | Lambda
    | Comprehension
    | Await
    | Yield
    | NamedExpr
    | Opaque
)

from theodore_plugin.facts.model.statements import For, Parameter  # noqa: E402 - see the docstring
