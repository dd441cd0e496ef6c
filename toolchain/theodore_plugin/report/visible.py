"""Make foreign text safe to print: nothing in it may move the cursor, colour, hide or reorder."""

from __future__ import annotations

import unicodedata

_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format (bidi, zero-width), surrogate, private, unassigned, line and paragraph separators."""


def visible(text: str, *, keep_newlines: bool = False) -> str:
    """Return ``text`` with every character that is not plainly printable written as ``<U+XXXX>``.

    Tabs become four spaces; newlines stay only where the caller lays out lines itself.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character, keep_newlines) for character in text)


def _shown(character: str, keep_newlines: bool) -> str:
    if character == "\t":
        return "    "
    if character == "\n" and keep_newlines:
        return character
    if unicodedata.category(character) in _UNSAFE_CATEGORIES:
        return f"<U+{ord(character):04X}>"
    return character
