"""f-strings before Python 3.12, whose trees do not say where the expressions in them are.

There an f-string is one token that the compiler reads once more; so does this, with each expression parsed where it
stands. The rules are those of Python 3.11's reference, section 2.4.3: no backslash, no comment and none of the
string's own quotes inside an expression.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from theodore_plugin.facts import model as m
from theodore_plugin.facts.abstract.source import Source, columns_in_characters
from theodore_plugin.facts.literals import MalformedLiteral, formatted, joined, string_value, text_value

_TOKEN = re.compile(r"""(?P<prefix>[A-Za-z]*)(?P<quote>'''|\"\"\"|'|")(?P<body>(?:[^\\]|\\.)*?)(?P=quote)""", re.DOTALL)
_BETWEEN = re.compile(r"(?:[ \t\f\n]|\\\n|#[^\n]*)*")
_TEXT = re.compile(r"(?:[^{}\\]|\\N\{[^}]*\}|\\[^{}]|\\(?=[{}])|\{\{|\}\})+", re.DOTALL)
_RAW_TEXT = re.compile(r"(?:[^{}]|\{\{|\}\})+")
_SPEC_TEXT = re.compile(r"[^{}]+")
_EXPRESSION = re.compile(
    r"""
      (?P<string>'''.*?'''|\"\"\".*?\"\"\"|'[^']*'|"[^"]*")
    | (?P<comparison>[!=<>]=)
    | (?P<open>[(\[{])
    | (?P<end>[!:=}])
    | (?P<close>[)\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_CONVERSION = re.compile(r"!\s*(\w)\s*")
_DEBUG = re.compile(r"=\s*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_WORDS = frozenset({"True", "False", "None", "yield"})

Piece = str | bytes | m.Expr


def has_places(node: Any) -> bool:
    """Whether the parts of an f-string's tree say where they are."""
    return sys.version_info >= (3, 12) or not isinstance(node, ast.JoinedStr)


class Fields:
    """Reads f-strings from the source; ``lower`` is what lowers the expressions inside them."""

    def __init__(self, source: Source, lower: Callable[[Any], m.Expr]) -> None:
        self.source = source
        self.lower = lower

    def string(self, span: m.Span) -> m.Expr:
        """Lower the string, or adjacent strings, at ``span``."""
        text = self.source.text
        offset, end = self.source.offset(span.line, span.column), self.source.offset(span.end_line, span.end_column)
        pieces: list[Piece] = []
        line = span.line
        while offset < end:
            token = _TOKEN.match(text, offset, end)
            if token is None:
                raise MalformedLiteral("an f-string that cannot be read")
            if "f" in token["prefix"].lower():
                pieces.extend(self._formatted(token, line))
            else:
                pieces.append(string_value(token[0]))
            between = _BETWEEN.match(text, token.end(), end)
            offset = between.end() if between else end
        return joined(pieces, span, formatted=True)

    def _formatted(self, token: re.Match[str], line: int) -> Iterator[Piece]:
        raw = "r" in token["prefix"].lower()
        pattern = _RAW_TEXT if raw else _TEXT
        offset, end = token.span("body")
        while offset < end:
            text = pattern.match(self.source.text, offset, end)
            if text is not None:
                yield text_value(text[0].replace("{{", "{").replace("}}", "}"), raw=raw)
                offset = text.end()
            else:
                offset, pieces = self._field(offset, end, line)
                yield from pieces

    def _field(self, opened: int, end: int, line: int) -> tuple[int, list[Piece]]:
        """Read the replacement field at ``opened``; return where it ends, and its text (for ``=``) and expression."""
        text = self.source.text
        offset = _expression_end(text, opened + 1, end)
        pieces: list[Piece] = []
        expression = self._expression(opened + 1, offset, line)
        debug = _DEBUG.match(text, offset, end)
        if debug is not None:
            offset = debug.end()
            pieces.append(text[opened + 1 : offset])
        conversion = _CONVERSION.match(text, offset, end)
        if conversion is not None:
            offset = conversion.end()
        spec: tuple[m.Expr, ...] | None = None
        if text[offset] == ":":
            offset, spec = self._specification(offset + 1, end, line)
        shown = debug is not None and spec is None
        pieces.append(formatted(expression, conversion is not None or shown, spec))
        return offset + 1, pieces

    def _specification(self, start: int, end: int, line: int) -> tuple[int, tuple[m.Expr, ...] | None]:
        """Read a format specification; return where its closing brace is, and its expressions (none if empty)."""
        text, found, offset = self.source.text, [], start
        while text[offset] != "}":
            if text[offset] == "{":
                offset, pieces = self._field(offset, end, line)
                found += [piece for piece in pieces if not isinstance(piece, (str, bytes))]
            else:
                plain = _SPEC_TEXT.match(text, offset, end)
                if plain is None:
                    raise MalformedLiteral("a format specification that does not end")
                offset = plain.end()
        return offset, tuple(found) if offset > start else None

    def _expression(self, start: int, end: int, line: int) -> m.Expr:
        """Lower the expression at these offsets, parsed at its own column."""
        written = self.source.text[start:end]
        line, column = self.source.place(start, line)
        if _DOTTED.fullmatch(written) and written not in _WORDS:
            return _dotted(written, line, column)
        parsed = ast.parse("(" + " " * (column - 1) + written + ")", mode="eval")
        if not written.isascii():
            columns_in_characters(parsed, (" " * column + written + ")").split("\n"))
        root: Any = parsed.body
        if isinstance(root, ast.Tuple) and (root.lineno, root.col_offset) == (1, 0):
            self._bare(root, start, end, line)
        ast.increment_lineno(parsed, line - 1)
        return self.lower(root)

    def _bare(self, node: Any, start: int, end: int, line: int) -> None:
        """Take back the parentheses that a tuple only has because it was parsed inside some."""
        written = self.source.text[start:end]
        first = start + len(written) - len(written.lstrip())
        last = end - len(written) + len(written.rstrip())
        (first_line, node.col_offset), (last_line, node.end_col_offset) = (
            self.source.place(first, line),
            self.source.place(last, line),
        )
        node.lineno, node.end_lineno = first_line - line + 1, last_line - line + 1


def _expression_end(text: str, start: int, end: int) -> int:
    """Return where the expression at ``start`` ends: at a conversion, a specification, a ``=`` or the brace."""
    depth = 0
    for match in _EXPRESSION.finditer(text, start, end):
        kind = match.lastgroup
        if kind == "open":
            depth += 1
        elif depth and (kind == "close" or match[0] == "}"):
            depth -= 1
        elif kind == "end" and not depth:
            return match.start()
    raise MalformedLiteral("a replacement field that does not end")


def _dotted(written: str, line: int, column: int) -> m.Expr:
    """Lower ``a.b.c``, which is what most fields hold, without a parser."""
    first, *rest = written.split(".")
    end = column + len(first)
    expression: m.Expr = m.Name(first, m.Span(line, column, line, end))
    for attribute in rest:
        end += 1 + len(attribute)
        expression = m.Attribute(expression, attribute, m.Span(line, column, line, end))
    return expression
