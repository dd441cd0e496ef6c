"""Saying how far a long operation has come, to a host that listens."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[float, str], None]
"""Called with the part of the work that is done, between 0 and 1, and a few words on what is being done.

As a parameter of an operation, ``progress: ProgressCallback | None = None``, it is the one kind of function that may
cross between a host and a plugin.
"""

reporter: ContextVar[ProgressCallback | None] = ContextVar("theodore_progress", default=None)
"""Who listens to the operation that runs in this context; set by the worker."""


def report_progress(fraction: float, message: str = "") -> None:
    """Tell whoever called the running operation how far it is; without a listener this does nothing.

    Cheap enough for every item of a loop, and allowed in threads started with ``asyncio.to_thread``: words that
    come faster than about twenty a second replace each other.

    Args:
        fraction: the part of the work that is done, between 0 and 1.
        message: a few words on what is being done; at most 512 characters arrive.

    """
    listener = reporter.get()
    if listener is not None:
        listener(fraction, message)
