"""Where code comes from: the places that run or import something, and what reaches their argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from theodore_plugin.inference.model import Inference, ResolvedCall

RUNS_SOURCE = (
    "builtins.eval",
    "builtins.exec",
    "builtins.compile",
    "builtins.__import__",
    "importlib.import_module",
    "importlib.__import__",
    "runpy.run_path",
    "types.FunctionType",
    "types.CodeType",
    "marshal.loads",
)
"""Calls whose first argument is, or becomes, code."""


def code_arguments(inference: Inference) -> Iterator[tuple[ResolvedCall, str, tuple[str, ...]]]:
    """Iterate over calls that run code, their name, and the foreign names their code may come from."""
    for call, name in inference.calls_of(*RUNS_SOURCE):
        yield call, name, call.origins[0] if call.origins else ()


def made_by(origins: Iterable[str], makers: Iterable[str]) -> str | None:
    """Return the first maker one of the origins is a result of: ``zlib.decompress`` for ``zlib.decompress().decode()``.

    A result's method or attribute is still made by what made the result.
    """
    for origin in origins:
        for maker in makers:
            if origin.startswith(maker) and origin[len(maker) :][:1] in {"(", "["}:
                return maker
    return None
