"""Statements, and the parts of them that have a place of their own."""

from __future__ import annotations

from typing import TypeAlias

from theodore_plugin.facts.model.expressions import Argument, Expr, Name
from theodore_plugin.facts.model.span import Fact, Span


class Import(Fact, frozen=True, tag=20):
    """``import target as name``. Without ``as``, ``name`` is the first component and ``target`` the whole path."""

    target: str
    name: str
    aliased: bool
    span: Span


class ImportFrom(Fact, frozen=True, tag=21):
    """``from <dots>module import attribute as name``; ``attribute`` is ``"*"`` for a star import."""

    module: str
    level: int
    attribute: str
    name: str
    span: Span


class Parameter(Fact, frozen=True, tag=22):
    """One parameter. ``kind``: positional-only, positional, keyword, ``*`` or ``**``."""

    name: str
    kind: str
    default: Expr | None
    annotation: Expr | None
    span: Span


class Function(Fact, frozen=True, tag=23):
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
    bounds: tuple[Expr, ...] = ()
    """What its type parameters (PEP 695) name: bounds and defaults, evaluated when somebody asks for them."""


class Class(Fact, frozen=True, tag=24):
    """``class`` with its bases and keywords (``metaclass=…``)."""

    name: str
    bases: tuple[Argument, ...]
    decorators: tuple[Expr, ...]
    body: Block
    span: Span
    name_span: Span
    bounds: tuple[Expr, ...] = ()
    """As for :class:`Function`."""


class Assign(Fact, frozen=True, tag=25):
    """``targets = value``; an annotated assignment has one target and maybe no value; ``augmented`` is ``+=`` etc."""

    targets: tuple[Expr, ...]
    value: Expr | None
    annotation: Expr | None
    augmented: bool
    span: Span


class ExprStatement(Fact, frozen=True, tag=26):
    """An expression evaluated for its effect."""

    value: Expr
    span: Span


class Return(Fact, frozen=True, tag=27):
    """``return value``."""

    value: Expr | None
    span: Span


class Raise(Fact, frozen=True, tag=28):
    """``raise value from cause``."""

    value: Expr | None
    cause: Expr | None
    span: Span


class Delete(Fact, frozen=True, tag=29):
    """``del targets``."""

    targets: tuple[Expr, ...]
    span: Span


class Scope(Fact, frozen=True, tag=30):
    """``global`` or ``nonlocal`` names."""

    kind: str
    names: tuple[str, ...]
    span: Span


class If(Fact, frozen=True, tag=31):
    """``if``/``elif``/``else``; an ``elif`` is an :class:`If` alone in ``orelse``."""

    test: Expr
    body: Block
    orelse: Block
    span: Span


class For(Fact, frozen=True, tag=32):
    """``for target in iterable`` as a statement or, with an empty body, as a comprehension clause with its tests."""

    target: Expr
    iterable: Expr
    tests: tuple[Expr, ...]
    body: Block
    orelse: Block
    is_async: bool
    span: Span


class While(Fact, frozen=True, tag=33):
    """``while test``."""

    test: Expr
    body: Block
    orelse: Block
    span: Span


class With(Fact, frozen=True, tag=34):
    """``with`` or ``async with``: pairs of context expression and target."""

    items: tuple[tuple[Expr, Expr | None], ...]
    body: Block
    is_async: bool
    span: Span


class Handler(Fact, frozen=True, tag=35):
    """``except caught as name``."""

    caught: Expr | None
    name: str | None
    body: Block
    span: Span


class Try(Fact, frozen=True, tag=36):
    """``try`` with its handlers, ``else`` and ``finally``."""

    body: Block
    handlers: tuple[Handler, ...]
    orelse: Block
    final: Block
    span: Span


class Match(Fact, frozen=True, tag=37):
    """``match``: the subject, and per case the names it binds, the expressions it evaluates and its block."""

    subject: Expr
    cases: tuple[MatchCase, ...]
    span: Span


class MatchCase(Fact, frozen=True, tag=38):
    """One ``case``: ``captures`` are bound to (parts of) the subject."""

    captures: tuple[Name, ...]
    expressions: tuple[Expr, ...]
    body: Block
    span: Span


Statement: TypeAlias = (
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
Block: TypeAlias = tuple[Statement, ...]
Node: TypeAlias = Expr | Statement | Parameter | Argument | Handler | MatchCase
