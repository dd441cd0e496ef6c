"""Decorators that change nothing about what is called."""

from __future__ import annotations

TRANSPARENT = frozenset(
    {
        "abc.abstractmethod",
        "builtins.property",
        "builtins.classmethod",
        "builtins.staticmethod",
        "contextlib.contextmanager",
        "contextlib.asynccontextmanager",
        "functools.cache",
        "functools.cached_property",
        "functools.lru_cache",
        "functools.wraps",
        "typing.override",
        "typing.final",
        "typing.overload",
        "dataclasses.dataclass",
    }
)
"""Decorators whose result behaves like what they decorate."""
