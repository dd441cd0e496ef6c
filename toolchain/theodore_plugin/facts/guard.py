"""Refuse source that no interpreter would compile but that would exhaust a parser's stack.

The parser recurses natively and ends the process when nesting is too deep, so nesting is bounded by a
scan that does not recurse. The bounds are CPython's own where it has them (200 brackets, 100
indentation levels); for chains of operators, where CPython gives up near 3,000, the bound is lower.
The scan may count too much (quotes nested inside f-strings), never too little.
"""

from __future__ import annotations

import re

MAX_BRACKETS = 200
MAX_INDENTS = 100
MAX_CHAIN = 1_000

_TOKEN = re.compile(
    r"""
      (?P<format>\b(?:[fFtT][rR]?|[rR][fFtT])(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<string>\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<comment>\#[^\n]*)
    | (?P<continuation>\\\r?\n)
    | (?P<newline>\n[ \t\f]*)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<reset>[,;])
    | (?P<word>\b(?:not|lambda|and|or|if|await|yield|elif|else)\b)
    | (?P<sign>[-+~*/%@&|^.<>=!:])
    """,
    re.VERBOSE | re.DOTALL,
)
_ELIF = re.compile(r"[ \t\f]*elif\b")


def too_deep(text: str) -> tuple[str, int] | None:
    """Return the reason and the line when ``text`` nests deeper than the bounds, else ``None``."""
    return _expressions(text) or _indentation(text)


def _expressions(text: str) -> tuple[str, int] | None:
    chains = [0]
    total = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            chains[-1] += 1  # a call or index is a link of the chain around it
            total += 1
            chains.append(0)
        elif kind == "close" and len(chains) > 1:
            total -= chains.pop()
        elif kind in {"word", "sign"}:
            chains[-1] += 1
            total += 1
        elif kind == "reset" or (kind == "newline" and len(chains) == 1):
            total -= chains[-1]
            chains[-1] = 0
        elif kind == "format" and _bracket_depth(match.group()) > MAX_BRACKETS:
            return f"more than {MAX_BRACKETS} nested brackets in a string", _line(text, match.start())
        if len(chains) > MAX_BRACKETS:
            return f"more than {MAX_BRACKETS} nested brackets", _line(text, match.start())
        if total > MAX_CHAIN:
            return f"an expression of more than {MAX_CHAIN} operators", _line(text, match.start())
    return None


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}" and depth:
            depth -= 1
    return deepest


def _indentation(text: str) -> tuple[str, int] | None:
    levels = [0]
    branches = 0
    for number, line in enumerate(text.split("\n"), start=1):
        body = line.lstrip(" \t\f")
        if not body.strip():
            continue
        width = len(line) - len(body)
        while levels and levels[-1] > width:
            levels.pop()
        if not levels or levels[-1] < width:
            levels.append(width)
        branches = branches + 1 if _ELIF.match(line) else branches
        if body.startswith(("if ", "if(", "def ", "class ", "async ")):
            branches = 0
        if len(levels) > MAX_INDENTS:
            return f"more than {MAX_INDENTS} levels of indentation", number
        if branches > MAX_CHAIN:
            return f"more than {MAX_CHAIN} elif branches", number
    return None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
