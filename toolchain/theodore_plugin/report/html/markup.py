"""HTML that cannot be built wrong: whatever is not already :class:`Html` is escaped, in this one place.

Foreign characters that would hide, reorder or move text are written as code points (:mod:`..visible`), and each
in a mark of its own, so that a plugin cannot write the look of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from theodore_plugin.report.visible import visible

MAX_TEXT = 2000
"""Characters of one foreign text; the rest is left out, and said to be."""
_VOID = frozenset({"meta", "input", "link", "br", "wbr"})
_CODE_POINT = re.compile(r"<U\+[0-9A-F]{4,6}>")


class Html(str):
    """Finished markup."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"
"""Text to escape, finished markup, several of both, or nothing."""


def element(tag: str, *children: Child, **attributes: str | int | bool | None) -> Html:
    """Build one element; ``class_`` is ``class``, ``data_x`` is ``data-x``; ``None`` and ``False`` leave out."""
    opening = f"<{tag}{''.join(_attributes(attributes))}>"
    if tag in _VOID:
        return Html(opening)
    return Html(f"{opening}{joined(*children)}</{tag}>")


def joined(*children: Child) -> Html:
    """Put markup and text together without an element around them."""
    return Html("".join(_parts(children)))


def text(value: str, *, limit: int = MAX_TEXT) -> Html:
    """Escape foreign text, its invisible characters marked."""
    cut = len(value) - limit
    shown = value[:limit]
    html = escape(shown) if shown.isprintable() else _marked(shown)
    return Html(f"{html}<span class=cut>… {cut:,} more characters</span>" if cut > 0 else html)


def _marked(value: str) -> str:
    """Escape text in which something is not plainly printable; a literal ``<U+202E>`` stays plain text."""
    parts = []
    for piece in re.split(r"([^\x20-\x7e]+)", value):
        safe = visible(piece)
        parts.append(escape(piece) if safe == piece else _CODE_POINT.sub(_mark, safe))
    return "".join(parts)


def _mark(found: re.Match[str]) -> str:
    point = found.group()[1:-1]
    return f"<span class=point>{escape(point)}</span>"


def _parts(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, Html):
            yield child
        elif isinstance(child, str):
            yield text(child)
        elif child is not None:
            yield from _parts(child)


def _attributes(attributes: dict[str, str | int | bool | None]) -> Iterable[str]:
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        written = name.rstrip("_").replace("_", "-")
        yield f" {written}" if value is True else f' {written}="{escape(visible(str(value)))}"'
