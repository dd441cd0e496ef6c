"""Take a type checker's silencing comments out of a copy of the source, without moving anything.

``# type: ignore`` and ``# mypy: ...`` are configuration written into the target. mypy has no option to
disregard them, so the copy it sees does not have them; the comments stand at the ends of lines, and
replacing them by ``#`` changes no position.
"""

from __future__ import annotations

import io
import re
import tokenize

_SILENCING = re.compile(r"#\s*(type:\s*ignore|mypy:)", re.IGNORECASE)


def neutral_source(data: bytes) -> bytes:
    """Return ``data`` without silencing comments; what cannot be tokenised is returned as it is."""
    try:
        comments = _silencing_comments(data)
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, ValueError):
        return data
    if not comments:
        return data
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    lines = io.TextIOWrapper(io.BytesIO(data), encoding, newline="").readlines()
    for row, column, text in comments:
        line = lines[row - 1]
        lines[row - 1] = line[:column] + "#" + line[column + len(text) :]
    return "".join(lines).encode(encoding)


def _silencing_comments(data: bytes) -> list[tuple[int, int, str]]:
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    comments = (token for token in tokens if token.type == tokenize.COMMENT)
    return [(*token.start, token.string) for token in comments if _SILENCING.search(token.string)]
