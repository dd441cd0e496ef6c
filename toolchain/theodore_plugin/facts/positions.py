"""Positions and comments of a libcst tree from one rendering of it.

libcst trees carry no positions; its own PositionProvider finds them by rendering the tree while
building range objects for every whitespace node. This does the same rendering with plain tuples and
was measured several times faster (``tests/benchmarks``); comments fall out of the same pass.
"""

from __future__ import annotations

import re
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

    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Any:
        """Note the position without surrounding whitespace, which libcst marks itself."""
        return _Syntactic(self, node, start_node, end_node)


class _Syntactic:
    """The context manager behind ``record_syntactic_position``: a class, because a generator costs twice as much."""

    __slots__ = ("end_node", "node", "start", "start_node", "state")

    def __init__(
        self, state: Positions, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self.state = state
        self.node = node
        self.start_node = start_node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.start = (self.state.line, self.state.column)

    def __exit__(self, *_exception: object) -> None:
        spans = self.state.spans
        start = (
            self.start
            if self.start_node is None
            else (spans[id(self.start_node)].line, spans[id(self.start_node)].column)
        )
        end = (
            (self.state.line, self.state.column)
            if self.end_node is None
            else (spans[id(self.end_node)].end_line, spans[id(self.end_node)].end_column)
        )
        spans[id(self.node)] = Span(*start, *end)
