"""JSON from strangers: one meaning or none.

RFC 8259 leaves duplicate keys, NaN, huge numbers and lone surrogates to the reader, which is how two readers come to
see two documents. Here each of them is an error.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64


class JsonError(ValueError):
    """The bytes are not one unambiguous JSON document."""


def loads(data: bytes, *, max_bytes: int) -> Any:
    """Parse strictly; raises :class:`JsonError` with the reason."""
    if len(data) > max_bytes:
        raise JsonError(f"{len(data):,} bytes are more than the limit of {max_bytes:,}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 (byte {error.start})") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except (RecursionError, ValueError) as error:
        raise JsonError(f"not acceptable JSON: {error}") from None
    # few brackets cannot be nested deeply, and only an escape writes half a surrogate pair: most documents end here
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH or b"\\u" in data:
        check_plain(value)
    return value


def canonical(value: Any) -> bytes:
    """Return the one spelling of a JSON value: sorted keys, no spaces, UTF-8. What digests are taken over."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def check_plain(value: Any, depth: int = MAX_DEPTH) -> None:
    """Refuse what JSON cannot carry: deep nesting, lone surrogates, foreign types, keys that are not text."""
    if depth < 0:
        raise JsonError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise JsonError(f"a key that is not text: {key!r}")
            _check_text(key)
            check_plain(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            check_plain(item, depth - 1)
    else:
        _check_scalar(value)


def _check_scalar(value: Any) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float):
        _finite(repr(value))
    elif value is not None and not isinstance(value, int):
        raise JsonError(f"JSON has no {type(value).__name__}")


def _check_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise JsonError("text with half a surrogate pair")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        known: set[str] = set()
        again = next(key for key, _ in pairs if key in known or known.add(key))  # type: ignore[func-returns-value]
        raise JsonError(f"duplicate key {again[:80]!r}")
    return result


def _constant(name: str) -> Any:
    raise JsonError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise JsonError(f"the number {text[:32]} is out of range")
    return value
