"""The facts of one module: a small syntax tree of our own, with a span on every node.

It keeps what rules and inference ask about (names, calls, constants, definitions, imports, bindings,
control flow as nested blocks) and drops the rest of the grammar, so that any front end can produce it:
today libcst, whose syntax does not depend on the interpreter that runs the check.
Expressions that carry no fact of their own become :class:`Opaque` and keep their children, so nothing
written in a file is ever invisible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from types import EllipsisType
from typing import Any, NamedTuple

from theodore_plugin.finding import Location


class Span(NamedTuple):
    """Where a node is: lines from 1, columns from 0, end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def at(self, path: str) -> Location:
        """Turn into a location in ``path`` (columns then count from 1)."""
        return Location(path, self.line, self.column + 1, self.end_line, self.end_column + 1)


# ── Expressions ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name."""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """``value.attr``."""

    value: Expr
    attr: str
    span: Span


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: str, bytes, int, float, complex, bool, None or Ellipsis."""

    value: str | bytes | int | float | complex | EllipsisType | None
    span: Span


@dataclass(frozen=True, slots=True)
class FormattedString:
    """An f-string or t-string: literal text and interpolated expressions in order."""

    parts: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """One call argument. ``keyword`` is a name, ``"*"``, ``"**"`` or ``None`` for a positional one."""

    value: Expr
    keyword: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """``callee(arguments)``."""

    callee: Expr
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """``left <operator> right`` for the arithmetic and bit operators."""

    operator: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Unary:
    """``<operator> operand``."""

    operator: str
    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Choice:
    """Any of these may be the value: ``a or b``, ``a and b``, ``a if test else b`` (tests are in ``tests``)."""

    options: tuple[Expr, ...]
    tests: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list, tuple or set display; ``kind`` says which. Starred items are :class:`Starred`."""

    kind: str
    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Starred:
    """``*value`` in a display, a target or an index."""

    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """A dict display; a key of ``None`` is ``**value``."""

    items: tuple[tuple[Expr | None, Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Subscript:
    """``value[index]``."""

    value: Expr
    index: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Lambda:
    """``lambda parameters: body``."""

    parameters: tuple[Parameter, ...]
    body: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A comprehension or generator expression: ``clauses`` bind, ``elements`` are produced."""

    kind: str
    elements: tuple[Expr, ...]
    clauses: tuple[For, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Await:
    """``await value``."""

    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Yield:
    """``yield value`` or ``yield from value``."""

    value: Expr | None
    delegates: bool
    span: Span


@dataclass(frozen=True, slots=True)
class NamedExpr:
    """``target := value``."""

    target: Expr
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Opaque:
    """An expression that carries no fact itself (comparisons, slices, …); its children do."""

    kind: str
    children: tuple[Expr, ...]
    span: Span


Expr = (
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


# ── Statements ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Import:
    """``import target as name``. Without ``as``, ``name`` is the first component and ``target`` the whole path."""

    target: str
    name: str
    aliased: bool
    span: Span


@dataclass(frozen=True, slots=True)
class ImportFrom:
    """``from <dots>module import attribute as name``; ``attribute`` is ``"*"`` for a star import."""

    module: str
    level: int
    attribute: str
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``kind``: positional-only, positional, keyword, ``*`` or ``**``."""

    name: str
    kind: str
    default: Expr | None
    annotation: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Function:
    """``def`` or ``async def``. ``span`` covers the whole definition, ``name_span`` its name."""

    name: str
    parameters: tuple[Parameter, ...]
    decorators: tuple[Expr, ...]
    returns: Expr | None
    body: Block
    is_async: bool
    is_generator: bool
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Class:
    """``class`` with its bases and keywords (``metaclass=…``)."""

    name: str
    bases: tuple[Argument, ...]
    decorators: tuple[Expr, ...]
    body: Block
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Assign:
    """``targets = value``; an annotated assignment has one target and maybe no value; ``augmented`` is ``+=`` etc."""

    targets: tuple[Expr, ...]
    value: Expr | None
    annotation: Expr | None
    augmented: bool
    span: Span


@dataclass(frozen=True, slots=True)
class ExprStatement:
    """An expression evaluated for its effect."""

    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Return:
    """``return value``."""

    value: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Raise:
    """``raise value from cause``."""

    value: Expr | None
    cause: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Delete:
    """``del targets``."""

    targets: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Scope:
    """``global`` or ``nonlocal`` names."""

    kind: str
    names: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    """``if``/``elif``/``else``; an ``elif`` is an :class:`If` alone in ``orelse``."""

    test: Expr
    body: Block
    orelse: Block
    span: Span


@dataclass(frozen=True, slots=True)
class For:
    """``for target in iterable`` as a statement or, with an empty body, as a comprehension clause with its tests."""

    target: Expr
    iterable: Expr
    tests: tuple[Expr, ...]
    body: Block
    orelse: Block
    is_async: bool
    span: Span


@dataclass(frozen=True, slots=True)
class While:
    """``while test``."""

    test: Expr
    body: Block
    orelse: Block
    span: Span


@dataclass(frozen=True, slots=True)
class With:
    """``with`` or ``async with``: pairs of context expression and target."""

    items: tuple[tuple[Expr, Expr | None], ...]
    body: Block
    is_async: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Handler:
    """``except caught as name``."""

    caught: Expr | None
    name: str | None
    body: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Try:
    """``try`` with its handlers, ``else`` and ``finally``."""

    body: Block
    handlers: tuple[Handler, ...]
    orelse: Block
    final: Block
    span: Span


@dataclass(frozen=True, slots=True)
class Match:
    """``match``: the subject, and per case the names it binds, the expressions it evaluates and its block."""

    subject: Expr
    cases: tuple[MatchCase, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class MatchCase:
    """One ``case``: ``captures`` are bound to (parts of) the subject."""

    captures: tuple[Name, ...]
    expressions: tuple[Expr, ...]
    body: Block
    span: Span


Statement = (
    Import
    | ImportFrom
    | Function
    | Class
    | Assign
    | ExprStatement
    | Return
    | Raise
    | Delete
    | Scope
    | If
    | For
    | While
    | With
    | Try
    | Match
)
Block = tuple[Statement, ...]
Node = Expr | Statement | Parameter | Argument | Handler | MatchCase


# ── The module ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Suppression:
    """``# theodore: ignore[rule, …] reason="…" until=DATE`` as written; the engine decides whether it counts."""

    location: Location
    rules: tuple[str, ...]
    """Empty for a blanket ``ignore`` without a rule."""
    reason: str | None
    until: str | None
    line: int
    """The line it speaks about: its own, or the next one when the comment stands alone."""


@dataclass(frozen=True, slots=True)
class Blanket:
    """A comment that silences some other tool wholesale: ``# nosec``, ``# noqa``, ``# type: ignore``."""

    location: Location
    text: str


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """One analysed file."""

    path: str
    module: str | None
    is_package: bool
    digest: str
    body: Block
    suppressions: tuple[Suppression, ...]
    blankets: tuple[Blanket, ...]
    lines: int


@dataclass(frozen=True, slots=True)
class FactsFailure:
    """Why a file could not be analysed; becomes ``file-not-analysed``, never silence."""

    path: str
    reason: str
    line: int = 1
    column: int = 1


_FIELDS: dict[type[Any], tuple[str, ...]] = {}
"""Child-bearing fields per node type, filled on first use."""


def _fields(kind: type[Any]) -> tuple[str, ...]:
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(field.name for field in fields(kind) if field.name not in {"span", "name_span"})
        _FIELDS[kind] = names
    return names


def children(node: Node) -> Iterator[Node]:
    """Iterate over a node's direct children in source order (as the fields are declared)."""
    for name in _fields(type(node)):
        yield from _nodes(getattr(node, name))


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, tuple) and not isinstance(value, Span):
        for item in value:
            yield from _nodes(item)
    elif hasattr(value, "span"):
        yield value  # type: ignore[misc]  # everything with a span is a Node


def walk(root: Node | Block) -> Iterator[Node]:
    """Iterate over a node or block and everything below it, in source order, without recursion."""
    pending: list[Node] = list(reversed(list(_nodes(root))))
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(children(node))))


def dotted(expression: Expr) -> str | None:
    """Return ``a.b.c`` for a chain of attributes on a name, else ``None``."""
    parts: list[str] = []
    while isinstance(expression, Attribute):
        parts.append(expression.attr)
        expression = expression.value
    if not isinstance(expression, Name):
        return None
    return ".".join([expression.id, *reversed(parts)])
