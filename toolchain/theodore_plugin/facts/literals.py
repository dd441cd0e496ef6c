"""What literals are worth. No warning is given and no parser is called for an odd escape."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from theodore_plugin.facts import model as m

_OPENING = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")")
_NEWLINE = re.compile(r"\r\n?")
_SIMPLE = {"\n": "", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f"}
_SIMPLE |= {"n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BYTE = r"x[0-9a-fA-F]{2}|[0-7]{1,3}"
_BYTES_ESCAPE = re.compile(rf"\\({_BYTE}|.)", re.DOTALL)
_TEXT_ESCAPE = re.compile(
    rf"\\({_BYTE}|u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}}|N\{{[^}}]+\}}|.)",
    re.DOTALL,
)


class MalformedLiteral(ValueError):
    """A literal that no interpreter accepts, though the parser did."""


def string_value(token: str) -> str | bytes:
    """Return the value of one string or bytes token (Python reference, section 2.4.1). Raises MalformedLiteral."""
    opening = _OPENING.match(token)
    if opening is None:
        raise MalformedLiteral(f"not a string: {token[:20]}")
    prefix, quote = opening[1].lower(), opening[2]
    body = token[opening.end() : -len(quote)]
    if "b" not in prefix:
        return text_value(body, raw="r" in prefix)
    if not body.isascii():
        raise MalformedLiteral("bytes can only contain ASCII literal characters")
    body = _universal(body)
    if "r" not in prefix:
        body = _BYTES_ESCAPE.sub(_bytes_escape, body)
    return body.encode("latin-1")


def text_value(body: str, *, raw: bool) -> str:
    """Return what stands between quotes, escapes resolved. Raises MalformedLiteral."""
    body = _universal(body)
    return body if raw or "\\" not in body else _TEXT_ESCAPE.sub(_text_escape, body)


def number_value(token: str) -> int | float | complex | None:
    """Return the value of a number token; ``None`` for an integer beyond the interpreter's limit of digits."""
    if token[-1] in "jJ":
        return complex(0, float(token[:-1]))
    lowered = token.lower()
    if not lowered.startswith("0x") and any(mark in lowered for mark in ".e"):
        return float(token)
    try:
        return int(token, 0)
    except ValueError:
        return None


def joined(pieces: Sequence[str | bytes | m.Expr], span: m.Span, *, formatted: bool) -> m.Expr:
    """Put adjacent literals together as the compiler does: one constant, or text and expressions in order.

    ``formatted`` says that an f-string is among them. Raises MalformedLiteral for text beside bytes.
    """
    kinds = {type(piece) for piece in pieces}
    if bytes in kinds:
        if len(kinds) > 1 or formatted:
            raise MalformedLiteral("cannot mix bytes and nonbytes literals")
        return m.Constant(b"".join(piece for piece in pieces if isinstance(piece, bytes)), span)
    if not formatted:
        return m.Constant("".join(piece for piece in pieces if isinstance(piece, str)), span)
    return m.FormattedString(tuple(_merged(pieces, span)), span)


def _merged(pieces: Sequence[str | bytes | m.Expr], span: m.Span) -> Iterator[m.Expr]:
    """Yield expressions and the text between them; text has no place of its own."""
    text: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            text.append(piece)
        elif not isinstance(piece, bytes):
            if any(text):
                yield m.Constant("".join(text), span)
            text.clear()
            yield piece
    if any(text):
        yield m.Constant("".join(text), span)


def formatted(expression: m.Expr, conversion: bool, spec: tuple[m.Expr, ...] | None) -> m.Expr:
    """Return one replacement field: the expression itself where it is inserted as it is.

    ``spec`` holds the expressions of a format specification, ``None`` where there is none.
    """
    if not conversion and spec is None:
        return expression
    return m.Opaque("format", (expression, *(spec or ())), expression.span)


def _universal(body: str) -> str:
    return _NEWLINE.sub("\n", body) if "\r" in body else body


def _bytes_escape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape in _SIMPLE:
        return _SIMPLE[escape]
    if escape[0] in "01234567":
        return chr(int(escape, 8) & 0xFF)
    return _hexadecimal(escape) if escape[0] == "x" else match[0]


def _text_escape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape in _SIMPLE:
        return _SIMPLE[escape]
    if escape[0] in "01234567":
        return chr(int(escape, 8))
    if escape[0] in "xuU":
        return _hexadecimal(escape)
    return _named(escape) if escape[0] == "N" else match[0]


def _hexadecimal(escape: str) -> str:
    try:
        return chr(int(escape[1:], 16))
    except (ValueError, OverflowError):
        raise MalformedLiteral(f"malformed escape \\{escape}") from None


def _named(escape: str) -> str:
    try:
        return unicodedata.lookup(escape[2:-1])
    except KeyError:
        raise MalformedLiteral(f"unknown character name in \\{escape}") from None
