"""TOML from strangers: the standard library's reader, without the documents that cost it more than they weigh."""

from __future__ import annotations

import re
import tomllib
from typing import Any

MAX_PARTS = 64
"""So many parts a dotted key may have: the time :mod:`tomllib` takes grows with their square, and faster."""
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{{MAX_PARTS}}}")


def loads(text: str) -> dict[str, Any]:
    """Parse a document. Raises ValueError for what is no TOML, and for keys, or texts like one, of too many parts."""
    if found := _LONG_KEY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"a key of more than {MAX_PARTS} parts (at line {line}, column 1)")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
