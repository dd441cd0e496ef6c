"""Positions and comments of a libcst tree from one rendering of it.

libcst trees carry no positions; its own PositionProvider finds them by rendering the tree while
building range objects for every whitespace node. This does the same rendering with plain tuples and
was measured several times faster (``tests/benchmarks``); comments fall out of the same pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

from theodore_plugin.facts.model import Span

_NEWLINE = re.compile(r"\r\n?|\n")


class Positions(CodegenState):
    """A rendering that notes where each node starts and ends."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.line = 1
        self.column = 0
        self.spans: dict[int, Span] = {}
        self.comments: list[tuple[int, int, str, bool]] = []
        """Line, column, text, and whether the comment stands alone on its line."""
        self._starts: list[tuple[int, int]] = []
        self._line_is_blank = True
        module._codegen(self)

    def add_indent_tokens(self) -> None:
        """Advance over the indentation."""
        for token in self.indent_tokens:
            self.column += len(token)

    def add_token(self, value: str) -> None:
        """Advance over one token."""
        if "\n" in value or "\r" in value:
            pieces = _NEWLINE.split(value)
            self.line += len(pieces) - 1
            self.column = len(pieces[-1])
            self._line_is_blank = not pieces[-1].strip()
        else:
            self.column += len(value)
            if self._line_is_blank and value.strip():
                self._line_is_blank = False

    def before_codegen(self, node: cst.CSTNode) -> None:
        """Note where ``node`` starts."""
        self._starts.append((self.line, self.column))
        if type(node) is cst.Comment:
            self.comments.append((self.line, self.column, node.value, self._line_is_blank))

    def after_codegen(self, node: cst.CSTNode) -> None:
        """Note where ``node`` ends, unless its syntactic position is already known."""
        start = self._starts.pop()
        key = id(node)
        if key not in self.spans:
            self.spans[key] = Span(*start, self.line, self.column)

    def pop_trailing_newline(self) -> None:
        """Nothing is rendered, so nothing is taken back."""

    @contextmanager
    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Iterator[Any]:
        """Note the position without surrounding whitespace, which libcst marks itself."""
        start = (self.line, self.column)
        yield
        end = (self.line, self.column)
        if start_node is not None:
            start = self.spans[id(start_node)][:2]
        if end_node is not None:
            end = self.spans[id(end_node)][2:]
        self.spans[id(node)] = Span(*start, *end)
