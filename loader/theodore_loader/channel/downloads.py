"""Streams of the host, as the plugin's method receives them: asynchronous iterators among its arguments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from theodore_loader.channel import codec
from theodore_loader.channel.streams import WINDOW_BYTES, Incoming

Read = Callable[[bytes], Sequence[Any]]


class HostStreamError(Exception):
    """The host's iterator raised; the message holds the type's name and what it said."""


class Downloads:
    """The input streams of the calls a worker runs."""

    def __init__(self, send: Callable[[codec.ToHost], None]) -> None:
        self._send = send
        self._open: dict[int, Incoming] = {}
        self._of_call: dict[int, list[int]] = {}

    def open(self, call: int, sources: Mapping[int, Read], values: list[Any]) -> None:
        """Put iterators where ``values`` hold the numbers of streams."""
        for position, read in sources.items():
            number = values[position]
            if number is not None:
                self._open[number] = Incoming(number, read, self._send, WINDOW_BYTES)
                self._of_call.setdefault(call, []).append(number)
                values[position] = self._items(self._open[number])

    def close(self, call: int) -> None:
        """Forget the streams of a call that has ended; the host stops them when it hears of the end."""
        for number in self._of_call.pop(call, ()):
            self._open.pop(number, None)

    def on_chunk(self, chunk: codec.Chunk) -> None:
        """Take items in; those of a stream nobody reads are dropped."""
        stream = self._open.get(chunk.id)
        if stream is not None:
            stream.arrive(chunk.items)

    def on_end(self, end: codec.End) -> None:
        """Note the end of a stream."""
        stream = self._open.get(end.id)
        if stream is not None:
            stream.finish(None if end.error is None else HostStreamError(": ".join(end.error)))

    async def _items(self, stream: Incoming) -> AsyncIterator[Any]:
        try:
            while (items := await stream.chunk()) is not None:
                for item in items:
                    yield item
        finally:
            if self._open.pop(stream.number, None) is not None and not stream.is_finished:
                self._send(codec.Cancel(stream.number))
