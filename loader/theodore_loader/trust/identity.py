"""Matching names and identities: exactly, or by an anchored glob. Never by prefix, substring or case."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*|\*)", glob)
    stars = {"*": "[^/]*", "**": ".*"}
    return re.compile("".join(stars.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def matches(glob: str, text: str) -> bool:
    """Tell whether the whole of ``text`` fits: ``*`` stands for anything but ``/``, ``**`` for anything.

    Everything else, brackets and question marks included, stands for itself.
    """
    return _pattern(glob).fullmatch(text) is not None
