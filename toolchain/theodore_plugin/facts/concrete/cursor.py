"""Where the nodes of a libcst tree are: the tree says which token comes next, the text says where.

libcst trees carry no positions, and its own provider finds them by rendering every node. Here a cursor
moves over the text as the tree is lowered. Should the text not continue as the tree says, the positions
are lost and so is the file: nothing is reported at a guessed place.
"""

from __future__ import annotations

import re

from theodore_plugin.facts import model as m

_BETWEEN = re.compile(r"(?:[ \t\f\r\n]++|\\(?:\r\n?|\n)|#[^\r\n]*+)++")
"""What may stand between two tokens; where it matters, the tree has already seen to it."""
_COMMENT = re.compile(r"#[^\r\n]*")
_NEWLINE = re.compile(r"\r\n?|\n")

Place = tuple[int, int]
"""Line from 1, column from 0."""


class PositionsLost(Exception):
    """The text does not continue as the tree says."""

    def __init__(self, line: int) -> None:
        super().__init__(f"positions lost at line {line}")
        self.line = line


class Cursor:
    """A place in a text that moves from token to token."""

    __slots__ = ("_line", "_line_start", "_starts", "comments", "offset", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.comments: list[tuple[int, int, str, bool]] = []
        """Line, column, text, and whether the comment stands alone on its line."""
        self._starts = [match.end() for match in _NEWLINE.finditer(text)]
        self._starts.append(len(text) + 1)
        self._line = 0
        self._line_start = 0

    def start(self) -> Place:
        """Move to the next token and return where it starts."""
        offset = self.offset
        if self.text[offset : offset + 1] in _BLANK:
            self._skip()
        return self.place()

    def take(self, token: str) -> None:
        """Move behind ``token``, which comes next. Raises PositionsLost if it does not."""
        offset = self.offset
        if not self.text.startswith(token, offset):
            self._skip()
            offset = self.offset
            if not self.text.startswith(token, offset):
                raise PositionsLost(self.place()[0])
        self.offset = offset + len(token)

    def place(self) -> Place:
        """Return where the cursor is: the end of the last token taken."""
        offset = self.offset
        if offset >= self._starts[self._line]:
            while offset >= self._starts[self._line]:
                self._line += 1
            self._line_start = self._starts[self._line - 1]
        return self._line + 1, offset - self._line_start

    def span(self, start: Place) -> m.Span:
        """Return the span from ``start`` to the last token taken."""
        line, column = self.place()
        return m.Span(start[0], start[1], line, column)

    def skip_to(self, offset: int) -> None:
        """Move on over text that has been looked at by other means."""
        self.offset = offset

    def finish(self) -> None:
        """Move to the end of the text. Raises PositionsLost if anything but comments is left."""
        self._skip()
        if self.offset != len(self.text):
            raise PositionsLost(self.place()[0])

    def _skip(self) -> None:
        match = _BETWEEN.match(self.text, self.offset)
        if match is None:
            return
        if "#" in match[0]:
            self._note(match)
        self.offset = match.end()

    def _note(self, between: re.Match[str]) -> None:
        for comment in _COMMENT.finditer(self.text, between.start(), between.end()):
            self.offset = comment.start()
            line, column = self.place()
            alone = not self.text[self._line_start : comment.start()].strip()
            self.comments.append((line, column, comment[0], alone))


_BLANK = frozenset(" \t\f\r\n\\#")
