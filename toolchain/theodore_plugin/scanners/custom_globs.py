"""Globs over project paths: ``*`` and ``?`` stay within a folder, ``**`` crosses folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_PIECES = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_MEANING = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    """Return whether a path (POSIX style, relative) matches one of ``globs`` as a whole."""
    pattern = re.compile("|".join(f"(?:{_expression(glob)})" for glob in globs), re.DOTALL)
    return lambda path: pattern.fullmatch(path) is not None


def _expression(glob: str) -> str:
    return "".join(_MEANING.get(piece, re.escape(piece)) for piece in _PIECES.findall(glob))
