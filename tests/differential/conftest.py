"""What both front ends make of a text, compared down to the type of every constant and the last column."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts import model as m
from theodore_plugin.facts.storage import encode
from theodore_plugin.project import SourceFile

Compare = Callable[[str, bytes], str]


@pytest.fixture(scope="session")
def compare() -> Compare:
    """Return ``same``, ``both refuse``, or where the two differ and how."""
    return _compare


def _compare(path: str, data: bytes) -> str:
    file = SourceFile.of(path, "example", data)
    fast, full = from_ast.lower_known(file), from_libcst.lower(file)
    if fast is None:  # newer syntax, or none at all: then libcst is the only front end
        return "both refuse" if isinstance(full, m.FactsFailure) else "left to libcst"
    if isinstance(fast, m.FactsFailure) or isinstance(full, m.FactsFailure):
        return (
            "both refuse"
            if type(fast) is type(full)
            else f"one refuses: {fast if fast is None else ''} {_why(fast, full)}"
        )
    full = msgspec.structs.replace(full, suppressions=(), blankets=())
    return "same" if encode(fast) == encode(full) else _difference(fast, full) or "different when stored"


def _why(*results: object) -> str:
    return "; ".join(str(result) for result in results if isinstance(result, m.FactsFailure))


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
