"""One file as text whose places can be given back as bytes: encoding, byte order mark and line ends stay."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from theodore_plugin.facts.decoding import decode
from theodore_plugin.finding import Location
from theodore_plugin.fixes.model import Edit, NoFix
from theodore_plugin.project.model import SourceFile

_NEWLINE = re.compile(r"\r\n?|\n")
_NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})


class Source:
    """The text of one file. Offsets count its characters; lines end as in the facts: LF, CR, or both."""

    def __init__(self, path: str, data: bytes) -> None:
        """Decode. Raises NoFix for a file that cannot be analysed either."""
        text = decode(SourceFile.of(path, None, data))
        if not isinstance(text, str):
            raise NoFix(f"{path} {text.reason}")
        self.path, self.data, self.text = path, data, text
        declared, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        self.encoding = codecs.lookup(declared).name.removesuffix("-sig")
        self._mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0

    @cached_property
    def newline(self) -> str:
        """How lines end here, judged by the first one."""
        found = _NEWLINE.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    def offset(self, line: int, column: int) -> int:
        """Turn a line and column, both from 1, into an offset."""
        return self._starts[line - 1] + column - 1

    def extent(self, location: Location) -> tuple[int, int]:
        """Return start and end of a location that has an end."""
        if location.end_line is None or location.end_column is None:
            raise NoFix(f"{location} does not say where it ends")
        return self.offset(location.line, location.column), self.offset(location.end_line, location.end_column)

    def slice(self, location: Location) -> str:
        """Return what stands at a location."""
        start, end = self.extent(location)
        return self.text[start:end]

    def line_start(self, offset: int) -> int:
        """Return where the line of an offset begins."""
        return self._starts[bisect_right(self._starts, offset) - 1]

    def logical_line(self, offset: int) -> tuple[int, int]:
        """Return the statement line around an offset, from the start of its first line to the end of its last.

        The end is that of the text, without the line end; comments behind the statement are outside, too.
        """
        number = bisect_right(self.statements, (offset, len(self.text))) - 1
        if number >= 0 and offset <= self.statements[number][1]:
            return self.statements[number]
        raise NoFix(f"{self.path}: no statement was found where one was expected")

    @cached_property
    def statements(self) -> list[tuple[int, int]]:
        """Where every statement line starts and ends; a compound statement is the line of its head."""
        found: list[tuple[int, int]] = []
        first, last = None, 0
        for token in self.tokens:
            if token.type == tokenize.NEWLINE and first is not None:
                found.append((self.offset(first, 1), last))
                first = None
            elif token.type not in _NO_CODE:
                first = token.start[0] if first is None else first
                last = self.offset(token.end[0], token.end[1] + 1)
        return found

    def line_end(self, offset: int) -> int:
        """Return where the line of an offset ends, behind its line end."""
        number = bisect_right(self._starts, offset)
        return self._starts[number] if number < len(self._starts) else len(self.text)

    def closing(self, offset: int) -> int:
        """Return the offset behind the parenthesis that closes the first one opened from ``offset`` on."""
        depth, (line, column) = 0, self.place(offset)
        first = bisect_right(self.tokens, (line, column - 2), key=lambda token: token.start)
        for token in self.tokens[first:]:
            if token.type != tokenize.OP:
                continue
            depth += (token.string in "([{") - (token.string in ")]}")
            if depth == 0 and token.string == ")":
                return self.offset(token.end[0], token.end[1] + 1)
        raise NoFix(f"{self.path}: a parenthesis is not closed")

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """The words of the text. Raises NoFix for a text this interpreter's tokenizer cannot split."""
        try:
            return list(tokenize.generate_tokens(io.StringIO(self.text, newline="").readline))
        except (tokenize.TokenError, SyntaxError) as problem:
            raise NoFix(f"{self.path} cannot be split into words: {problem}") from None

    def replace(self, start: int, end: int, new: str, *, joins: bool = False) -> Edit:
        """Replace the text between two offsets; what both begin and end with is left out of the edit.

        Line ends in ``new`` are written as in the rest of the file. Raises NoFix if the encoding has no letter for it.
        """
        new = _NEWLINE.sub(self.newline, new) if _NEWLINE.search(self.text[start:end]) is None else new
        start, end, new = _smallest(self.text, start, end, new)
        try:
            after = new.encode(self.encoding)
        except UnicodeEncodeError as problem:
            raise NoFix(
                f"{self.path} is {self.encoding}, which cannot express {problem.object[problem.start]!r}"
            ) from None
        where = Location(self.path, *self.place(start), *self.place(end))
        return Edit(where, self._bytes(start), self.text[start:end].encode(self.encoding), after, joins)

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _bytes(self, offset: int) -> int:
        line = bisect_right(self._starts, offset) - 1
        return self._line_bytes[line] + len(self.text[self._starts[line] : offset].encode(self.encoding))

    @cached_property
    def _line_bytes(self) -> list[int]:
        """Where every line starts, in bytes."""
        ends = [*self._starts[1:], len(self.text)]
        lines = (self.text[start:end] for start, end in zip(self._starts, ends, strict=True))
        return list(accumulate((len(line.encode(self.encoding)) for line in lines), initial=self._mark))


def _smallest(text: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    while start < end and new and text[start] == new[0]:
        start, new = start + 1, new[1:]
    while start < end and new and text[end - 1] == new[-1]:
        end, new = end - 1, new[:-1]
    return start, end, new
