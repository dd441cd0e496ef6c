"""What cannot be seen is written as an escape in strings, and removed from comments."""

from __future__ import annotations

import tokenize

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Edit, Fix, NoFix
from theodore_plugin.fixes.source import Source

RULE = "invisible-or-bidi-characters"
SAFE = True
DOES = (
    "In a string, write the character as an escape: the value stays the same. In a comment, write `U+…` in its place. "
    "In a name it means something, so that is left to you."
)


def fix(finding: Finding, context: FixContext) -> Fix:
    """Show the character, or those of a word that mixes alphabets."""
    source = context.source(finding.location.path)
    if "\r" in source.text.replace("\r\n", ""):
        raise NoFix("lines end in a way that leaves open which one is meant")
    offset = source.offset(finding.location.line, finding.location.column)
    edit = _shown(source, offset, mixed="a word mixes" in finding.message)
    return Fix(RULE, SAFE, (edit,), "show what is hidden")


def _shown(source: Source, offset: int, *, mixed: bool) -> Edit:
    token = _token(source, offset)
    in_comment = token.type == tokenize.COMMENT
    if not in_comment and (token.type != tokenize.STRING or not _takes_escapes(token.string)):
        raise NoFix("it stands neither in a comment nor in a string that has escapes")
    if not in_comment and _is_escaped(source.text, offset):
        raise NoFix("a backslash before it would change its meaning")
    end = offset + 1
    while mixed and end < len(source.text) and (source.text[end].isalnum() or source.text[end] == "_"):
        end += 1
    show = _code_point if in_comment else _escape
    new = "".join(letter if letter.isascii() else show(letter) for letter in source.text[offset:end])
    return source.replace(offset, end, new)


def _token(source: Source, offset: int) -> tokenize.TokenInfo:
    for token in source.tokens:
        start = source.offset(token.start[0], token.start[1] + 1)
        if start <= offset < source.offset(token.end[0], token.end[1] + 1):
            return token
    raise NoFix("it stands between words")


def _takes_escapes(literal: str) -> bool:
    """Whether a string literal has escapes; an f-string's may stand where none are allowed."""
    prefix = literal[: min(literal.find(quote) for quote in "'\"" if quote in literal)].lower()
    return prefix in {"", "u"}


def _is_escaped(text: str, position: int) -> bool:
    before = text[:position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _code_point(letter: str) -> str:
    return f"U+{ord(letter):04X}"


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
