"""One call to make: a method's arguments put in order, with what cannot be a value taken out of them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias

from theodore_loader.channel.methods import Method

Source: TypeAlias = AsyncIterable[Any]
Listener: TypeAlias = Callable[[float, str], None]

listening: ContextVar[Listener | None] = ContextVar("theodore_listening", default=None)
"""Who hears of the progress of calls made in this context (``theodore_loader.progress``)."""


@dataclass(slots=True)  # frozen, making one would take as long as binding its arguments
class Request:
    """``args`` are the arguments by position, ``seconds`` is the deadline from now.

    ``sources`` are streams of the host, by the argument they stand for; ``listener`` hears of progress.
    """

    method: str
    args: Sequence[Any]
    seconds: float
    sources: Mapping[int, Source] | None = None
    listener: Listener | None = None


def request_of(method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any], seconds: float) -> Request:
    """Return the request for a call of ``method``.

    Raises:
        TypeError: the call does not fit the signature.

    """
    values = method.binder.values(args, kwargs)
    listener = listening.get()
    if method.is_plain:
        return Request(method.name, values, seconds, None, listener)
    listener = _listener(method, values) or listener
    return Request(method.name, values, seconds, _sources(method, values), listener)


def _listener(method: Method, values: list[Any]) -> Listener | None:
    """Take the progress callback out of the arguments; what crosses is whether there is one."""
    found: Listener | None = None
    for position in method.listeners:
        given = values[position]
        if given is not None and not callable(given):
            raise TypeError(f"{method.name}: a progress callback is called with a fraction and a message")
        values[position] = given is not None
        found = found or given
    return found


def _sources(method: Method, values: list[Any]) -> dict[int, Source]:
    found: dict[int, Source] = {}
    for position in method.sources:
        given = values[position]
        if isinstance(given, AsyncIterable):
            found[position] = given
        elif given is not None:
            raise TypeError(f"{method.name}: a stream is an asynchronous iterator, not {type(given).__name__}")
    return found
