"""How deep source nests, found without recursion, before a parser sees it.

The parser recurses natively and ends the process when nesting is too deep, so nesting is bounded by a
scan that does not recurse. The bounds are CPython's own where it has them (200 brackets, 100
indentation levels); for chains of operators, where CPython gives up near 3,000, the bound is lower.
The scan may count too much, never too little in what it understands; where quotes inside an f-string (Python 3.12)
could mislead it, it says that it is not certain, and the file is lowered where a crash does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_BRACKETS = 200
MAX_INDENTS = 100
MAX_CHAIN = 1_000

MAX_HARMLESS_CHARACTERS = 256 * 1024
MAX_HARMLESS_BRACKETS = 24
MAX_HARMLESS_CHAIN = 200
MAX_PATTERN_BRACKETS = 3
"""libcst's time doubles or worse with every bracket in a ``case`` pattern; measured 0.4 s at 8, beyond 8 s at 12."""

_TOKEN = re.compile(
    r"""
    (?:[ \t\f]++ | (?!(?:not|lambda|and|or|if|await|yield|elif|else)\b | [fFtTrR]{1,2}["']) \w++)*+
    (?:
      (?P<format>(?:[fFtT][rR]?|[rR][fFtT])(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<string>[rR]?(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<stray>[fFtTrR]{0,2}["'])
    | (?P<comment>\#[^\n]*)
    | (?P<continuation>\\\n)
    | (?P<newline>\n[ \t\f]*)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<reset>[,;])
    | (?P<word>not|lambda|and|or|if|await|yield|elif|else)
    | (?P<sign>[-+~*/%@&|^.<>=!:])
    )
    """,
    re.VERBOSE | re.DOTALL,
)
"""One token that matters, with the names, numbers and blanks before it, which are skipped in one go."""
_ELIF = re.compile(r"[ \t\f]*elif\b")
_CASE = re.compile(r"^[ \t\f]*case\b", re.MULTILINE)
_NEWLINE = re.compile(r"\r\n?")
_IN_FORMAT = re.compile(r"\{\{|\}\}|[{}]|'[^']*'|\"[^\"]*\"", re.DOTALL)

Excess = tuple[str, int]
"""What is too much, and the line."""


class Nesting:
    """The result of one scan: how deep, whether that is certain, and what is too much."""

    def __init__(self, text: str) -> None:
        self.text = _NEWLINE.sub("\n", text) if "\r" in text else text
        self.certain = True
        """Whether the scan understood every string, so that nothing is hidden in one."""
        self.brackets = 0
        self.chain = 0
        self._chains = [0]
        self._total = 0
        self.excess = self._scan() or _indentation(self.text)

    @property
    def harmless(self) -> bool:
        """Whether a parser can neither crash nor take long over this, so that it needs no process of its own."""
        return (
            self.certain
            and self.excess is None
            and len(self.text) <= MAX_HARMLESS_CHARACTERS
            and self.brackets <= MAX_HARMLESS_BRACKETS
            and self.chain <= MAX_HARMLESS_CHAIN
            and (self.brackets <= MAX_PATTERN_BRACKETS or not _CASE.search(self.text))
        )

    def _scan(self) -> Excess | None:
        handlers = _HANDLERS
        for match in _TOKEN.finditer(self.text):
            handler = handlers.get(match.lastgroup or "")
            if handler is not None:
                reason = handler(self, match)
                if reason is not None:
                    return reason, self.text.count("\n", 0, match.end()) + 1
        return None

    def _open(self, match: re.Match[str]) -> str | None:
        reason = self._link(match)  # a call or index is a link of the chain around it
        self._chains.append(0)
        self.brackets = max(self.brackets, len(self._chains) - 1)
        return f"more than {MAX_BRACKETS} nested brackets" if len(self._chains) > MAX_BRACKETS else reason

    def _close(self, _match: re.Match[str]) -> None:
        if len(self._chains) > 1:
            self._total -= self._chains.pop()

    def _link(self, _match: re.Match[str]) -> str | None:
        self._chains[-1] += 1
        self._total += 1
        if self._total > self.chain:
            self.chain = self._total
        return f"an expression of more than {MAX_CHAIN} operators" if self._total > MAX_CHAIN else None

    def _reset(self, _match: re.Match[str]) -> None:
        self._total -= self._chains[-1]
        self._chains[-1] = 0

    def _newline(self, match: re.Match[str]) -> None:
        if len(self._chains) == 1:
            self._reset(match)

    def _format(self, match: re.Match[str]) -> str | None:
        text = match["format"]
        depth = _bracket_depth(text)
        self.brackets = max(self.brackets, depth)
        self.certain = self.certain and _fields_close(text)
        return f"more than {MAX_BRACKETS} nested brackets in a string" if depth > MAX_BRACKETS else None

    def _stray(self, _match: re.Match[str]) -> None:
        self.certain = False


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}" and depth:
            depth -= 1
    return deepest


def _fields_close(text: str) -> bool:
    """Whether every replacement field of an f-string ends inside it, as it must before Python 3.12.

    Where one does not, the quote that seemed to end the string belongs to an expression in it. Strings inside
    a field hide their braces; between fields quotes mean nothing.
    """
    opening = re.match(r"\w+('''|\"\"\"|'|\")", text)
    if opening is None:
        return False
    depth = 0
    position, end = opening.end(), len(text) - len(opening[1])
    while match := _IN_FORMAT.search(text, position, end):
        position = match.end()
        mark = match[0]
        if depth == 0 and mark[0] in "'\"":  # between fields a quote is text
            position = match.start() + 1
        elif mark[0] in "{}" and (depth or len(mark) == 1):  # in a field, braces do not come in pairs
            position = match.start() + 1
            depth += 1 if mark[0] == "{" else -1
            if depth < 0:
                return False
    return depth == 0


def _indentation(text: str) -> Excess | None:
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


_HANDLERS: dict[str, Callable[[Nesting, re.Match[str]], str | None]] = {
    "open": Nesting._open,
    "close": Nesting._close,
    "word": Nesting._link,
    "sign": Nesting._link,
    "reset": Nesting._reset,
    "newline": Nesting._newline,
    "format": Nesting._format,
    "stray": Nesting._stray,
}
