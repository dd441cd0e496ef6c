"""What both front ends make of a text, compared down to the type of every constant and the last column."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts import model as m
from theodore_plugin.facts.decoding import decode
from theodore_plugin.facts.guard import Nesting
from theodore_plugin.facts.storage import encode
from theodore_plugin.project import SourceFile

Compare = Callable[[str, bytes], str]


@pytest.fixture(scope="session")
def compare() -> Compare:
    """Return ``same``, ``both refuse``, which of the two it is left to, or where the two differ and how."""
    return _compare


def _compare(path: str, data: bytes) -> str:
    file = SourceFile.of(path, "example", data)
    fast = from_ast.lower_known(file)
    if fast is None:  # newer syntax, or none at all: then libcst is the only front end
        return "both refuse" if isinstance(from_libcst.lower(file), m.FactsFailure) else "left to libcst"
    text = decode(file)
    if isinstance(text, m.FactsFailure) or isinstance(fast, m.FactsFailure) or Nesting(text).excess:
        return "both refuse" if isinstance(from_libcst.lower(file), m.FactsFailure) else f"only ast refuses: {fast}"
    full = from_libcst.lower_unaided(file, text, comments=False)
    if isinstance(full, m.FactsFailure):
        return "left to ast" if full.reason.startswith("syntax error") else f"only libcst fails: {full}"
    return "same" if encode(fast) == encode(full) else _difference(fast, full) or "different when stored"


def _difference(fast: object, full: object, path: str = "facts") -> str | None:
    """Describe the first place where two trees differ."""
    if type(fast) is not type(full):
        return f"{path}: ast {fast!r}, libcst {full!r}"
    if isinstance(fast, m.Fact | m.Span):
        pairs = [(f".{name}", getattr(fast, name), getattr(full, name)) for name in fast.__struct_fields__]
    elif isinstance(fast, tuple) and isinstance(full, tuple) and len(fast) == len(full):
        pairs = [(f"[{index}]", *pair) for index, pair in enumerate(zip(fast, full, strict=True))]
    else:
        return None if repr(fast) == repr(full) else f"{path}: ast {fast!r}, libcst {full!r}"
    return next((found for name, *pair in pairs if (found := _difference(*pair, path + name))), None)
