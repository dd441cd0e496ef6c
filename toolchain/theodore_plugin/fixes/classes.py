"""Where something can be added to a class, and how far it is indented there."""

from __future__ import annotations

from theodore_plugin.facts import model as m
from theodore_plugin.fixes.model import NoFix
from theodore_plugin.fixes.source import Source


def indentation(source: Source, node: m.Class | m.Function) -> tuple[str, str]:
    """Return the indentation of a body and of one more level. Raises NoFix for a body on the line of its head."""
    outer = _indent(source, source.offset(node.span.line, 1))
    _, end = source.logical_line(source.offset(node.name_span.line, node.name_span.column + 1))
    body = source.line_end(end)
    if source.place(body)[0] > node.span.end_line:
        raise NoFix("the body stands on the line of its head")
    inner = _first_indent(source, body)
    step = inner.removeprefix(outer)
    if not step or not inner.startswith(outer):
        raise NoFix("the body is not indented as its head is")
    return inner, inner + step


def end_of_class(source: Source, node: m.Class) -> tuple[int, str]:
    """Return the start of the line behind a class, and the line end its last line may lack."""
    return end_of_block(source, node)


def end_of_block(source: Source, node: m.Class | m.Function) -> tuple[int, str]:
    """Return the start of the line behind a definition, and the line end its last line may lack."""
    _, end = source.logical_line(source.offset(node.span.end_line, max(node.span.end_column, 1)))
    offset = source.line_end(end)
    return offset, "" if source.text[:offset].endswith(("\n", "\r")) else "\n"


def _first_indent(source: Source, offset: int) -> str:
    """Return the indentation of the first statement from an offset on; comments may stand anywhere."""
    start, _ = next(((s, e) for s, e in source.statements if s >= offset), (None, None))
    if start is None:
        raise NoFix("there is no body")
    return _indent(source, start)


def _indent(source: Source, start: int) -> str:
    line = source.text[start : source.line_end(start)]
    return line[: len(line) - len(line.lstrip(" \t"))]
