"""Break lines between words where a terminal would break them anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.text import Text

from theodore_plugin.report.visible import visible

_WORD = re.compile(r"`[^`\n]*`\S*\s*|\S+\s*")
"""What stands between backquotes is a name or a command, and stays in one piece."""
NARROWEST = 24
"""Below this many columns nothing is gained by breaking."""
AS_IS = "to reproduce: "
"""What follows is a command to paste: it gets a line of its own, however long."""


def wrapped(line: Text, width: int | None, indent: int = 0) -> Iterator[Text]:
    """Yield ``line`` in lines of at most ``width`` columns, those after the first indented.

    Without a width (a pipe, a file) it stays whole, as does a word that is longer than a line: terminals fold it,
    and what is copied from them is then still in one piece.
    """
    if width is None or width < NARROWEST or cell_len(line.plain) <= width:
        yield line
        return
    text, command, _ = line.plain.partition(AS_IS)
    if command and not text.isspace():
        whole = line.divide([len(text) + len(AS_IS)])
        yield from wrapped(_stripped(whole[0]), width, indent)
        yield Text.assemble(" " * indent, whole[1])
        return
    pieces = line.divide(list(_breaks(line.plain, width, indent)))
    for number, piece in enumerate(pieces):
        yield Text.assemble(" " * indent, _stripped(piece)) if number else _stripped(piece)


def all_wrapped(lines: Iterable[Text], width: int | None, indent: int = 2) -> Iterator[Text]:
    """Break each of ``lines``; what follows stands ``indent`` further in than its beginning."""
    for line in lines:
        own = len(line.plain) - len(line.plain.lstrip(" "))
        yield from wrapped(line, width, own + indent)


def page_wrapped(page: str, width: int | None) -> Iterator[Text]:
    """Break a markdown page between words; code blocks and headings stay as they are, and stand out by colour."""
    in_code = False
    for line in visible(page.rstrip("\n"), keep_newlines=True).split("\n"):
        fence = line.startswith("```")
        in_code ^= fence
        if in_code or fence:
            yield Text(line, "dim" if fence else "cyan")
        elif line.startswith("#"):
            yield Text(line, "bold")
        else:
            yield from wrapped(Text(line), width)


def _breaks(text: str, width: int, indent: int) -> Iterator[int]:
    """Yield where lines after the first begin."""
    words = list(_WORD.finditer(text))
    used = words[0].start() if words else 0
    for number, word in enumerate(words):
        if number and used + cell_len(word.group().rstrip()) > width:
            yield word.start()
            used = indent
        used += cell_len(word.group())


def _stripped(piece: Text) -> Text:
    piece.rstrip()
    return piece
