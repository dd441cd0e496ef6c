"""From the bytes of a file to its text, as the interpreter reads it (PEP 263), or why not."""

from __future__ import annotations

import codecs
import io
import tokenize
import unicodedata

from theodore_plugin.facts.model import FactsFailure
from theodore_plugin.project import SourceFile

PLAIN_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "ascii", "iso8859-1"})
"""Normalised names. Others can make bytes mean something else than they look (``rot13``, ``unicode_escape``)."""


def decode(file: SourceFile) -> str | FactsFailure:
    """Decode a file, but only from encodings that mean what they look like."""
    data = file.data
    if b"\0" in data:
        return FactsFailure(file.path, "contains a null byte", _line(data, data.index(b"\0")))
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if codecs.lookup(encoding).name not in PLAIN_ENCODINGS:
            return FactsFailure(file.path, f"declares the encoding {encoding}; only UTF-8 and Latin-1 are analysed")
        return data.decode(encoding)
    except SyntaxError as error:
        return FactsFailure(file.path, str(error))
    except UnicodeDecodeError as error:
        return FactsFailure(file.path, f"is not valid {error.encoding} (byte {error.start})", _line(data, error.start))


def identifier(text: str) -> str:
    """Return the identifier as the interpreter reads it: NFKC (Python reference, section 2.3)."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def line_count(text: str) -> int:
    """Lines of a text as both front ends count them; the part behind the last line end is one."""
    return text.count("\n") + text.count("\r") - text.count("\r\n") + 1


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
