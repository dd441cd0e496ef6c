"""The text behind a tree: what ``ast`` leaves out can be looked up there."""

from __future__ import annotations

import ast
import re
from array import array
from functools import cached_property
from typing import Any

_BLANK = r"(?:[ \t\f\n]|\\\n|#[^\n]*)"
_DEFINITION = re.compile(rf"(?:async{_BLANK}+)?(?:def|class){_BLANK}+")
_WORD = re.compile(r"[^\s(\[:,)=\\#]+")
_NEWLINE = re.compile(r"\r\n?")


class Source:
    """A module's text with the line ends the compiler sees, by line and column."""

    def __init__(self, text: str) -> None:
        self.text = _NEWLINE.sub("\n", text) if "\r" in text else text

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """The offset of every line."""
        offsets, offset = [], 0
        for line in self.lines:
            offsets.append(offset)
            offset += len(line) + 1
        return offsets

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place."""
        return self.starts[line - 1] + column

    def place(self, offset: int, line: int) -> tuple[int, int]:
        """Return line and column of an offset that lies on ``line`` or after it."""
        while line < len(self.starts) and self.starts[line] <= offset:
            line += 1
        return line, offset - self.starts[line - 1]

    def word(self, line: int, column: int) -> int:
        """Return the length of the identifier at a place, as written: normalised, it may be shorter or longer."""
        match = _WORD.match(self.lines[line - 1], column)
        return match.end() - column if match else 0

    def defined_name(self, line: int, column: int) -> tuple[int, int, int]:
        """Return line, start and end column of the name that the ``def`` or ``class`` at a place defines."""
        match = _DEFINITION.match(self.text, self.offset(line, column))
        if match is not None:
            line, column = self.place(match.end(), line)
        return line, column, column + self.word(line, column)


def columns_in_characters(tree: ast.AST, lines: list[str]) -> None:
    """Turn a tree's columns from UTF-8 bytes, as the parser counts, into characters."""
    tables = {number: _characters(line) for number, line in enumerate(lines, start=1) if not line.isascii()}
    for walked in ast.walk(tree):
        node: Any = walked
        table = tables.get(getattr(node, "lineno", 0))
        if table:
            node.col_offset = table[node.col_offset]
        table = tables.get(getattr(node, "end_lineno", 0))
        if table:
            node.end_col_offset = table[node.end_col_offset]


def _characters(line: str) -> array[int]:
    """Return the character's index for every byte offset of a line, its end included."""
    table = array("L")
    for index, character in enumerate(line):
        code = ord(character)
        table.extend([index] * (1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4))
    table.append(len(line))
    return table
