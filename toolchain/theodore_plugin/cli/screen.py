"""What a terminal would show, as text: printed later, kept with the answer, or written to a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from typing import Literal

from rich.console import Console, RenderableType
from rich.tree import Tree

UNBOUNDED = 10_000
_Colours = Literal["standard", "256", "truecolor", "windows"] | None
_COLOURS: dict[str | None, _Colours] = {
    None: None,
    "standard": "standard",
    "256": "256",
    "truecolor": "truecolor",
    "windows": "windows",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """A console of the same shape as a stream's, that keeps what is printed."""

    shape: Console
    text: StringIO = field(default_factory=StringIO)

    def print(self, lines: Iterable[RenderableType], style: str | None = None) -> None:
        """Print lines; only drawings are folded at the screen's width."""
        console = Console(
            file=self.text,
            force_terminal=self.shape.is_terminal,
            color_system=_COLOURS[self.shape.color_system],
            no_color=self.shape.no_color,
            width=width_of(self.shape),
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=self.shape.legacy_windows,
        )
        for line in lines:
            console.print(line, style=style, soft_wrap=not isinstance(line, Tree))

    def write(self, text: str) -> None:
        """Add text as it is."""
        self.text.write(text)

    def shown(self) -> str:
        """Return everything so far."""
        return self.text.getvalue()


def width_of(console: Console) -> int:
    """Return the columns of a terminal, or of what COLUMNS says; in a file or a pipe, a row stays one line."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else UNBOUNDED
