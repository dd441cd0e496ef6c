"""The compiled audit hook, where there is one: :func:`extension`, or :func:`why_not`.

It is built when the package is installed, if there is a C compiler then (``build.py``); without it the Python hook
runs, which is the weaker tier. An extension that was built from another source than the one beside it is not used.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

from theodore_loader.sandbox.native.source import digest


def extension() -> ModuleType | None:
    """Return the compiled module, or ``None``: see :func:`why_not`."""
    return _found()[0]


def why_not() -> str:
    """Say why :func:`extension` has nothing; empty where it has."""
    return _found()[1]


@cache
def _found() -> tuple[ModuleType | None, str]:
    try:
        from theodore_loader.sandbox.native import _hook  # type: ignore[attr-defined]
    except ImportError as problem:
        missing = "cannot import name" in str(problem)
        return None, "no extension was built at installation" if missing else f"the extension does not load: {problem}"
    try:
        fresh = digest() == _hook.SOURCE
    except OSError as problem:
        return None, f"the extension's source cannot be read: {problem}"
    if not fresh:
        return None, "the extension was built from another source; install again, or run its build module"
    return _hook, ""
