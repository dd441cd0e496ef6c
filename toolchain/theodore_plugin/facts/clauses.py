"""Parts of a tree that ``ast`` gives no place: theirs follows from what they are made of, in every front end."""

from __future__ import annotations

from theodore_plugin.facts import model as m


def clause_of(target: m.Expr, iterable: m.Expr, tests: tuple[m.Expr, ...], is_async: bool) -> m.For:
    """Build a comprehension's clause. It spans from its target to its last test: ``ast`` gives it no place."""
    first, last = target.span, (tests[-1] if tests else iterable).span
    span = m.Span(first.line, first.column, last.end_line, last.end_column)
    return m.For(target, iterable, tests, (), (), is_async, span)
