"""Streams of the host that a call takes as arguments: pumped while the call runs, as fast as the worker reads.

In the arguments a stream stands as its number. The source is the host's own iterator; only what the worker says about
it is distrusted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from theodore_loader.channel import codec
from theodore_loader.channel.requests import Source
from theodore_loader.channel.streams import WINDOW_BYTES, Outgoing
from theodore_loader.errors import ProtocolViolation


class Uploads:
    """The open input streams of one channel. ``stale`` is called for each frame about one that has ended."""

    def __init__(self, send: Callable[[codec.ToWorker], None], stale: Callable[[], object]) -> None:
        self._send = send
        self._stale = stale
        self._open: dict[int, tuple[Outgoing, asyncio.Task[None]]] = {}
        self._of_call: dict[int, list[int]] = {}
        self._newest = 0

    def announce(
        self, call: int, args: Sequence[Any], sources: Mapping[int, Source], number: Callable[[], int]
    ) -> list[Any]:
        """Return the arguments of ``call`` with numbers in place of streams, and begin to send those."""
        values = list(args)
        for position, source in sources.items():
            stream = values[position] = number()
            outgoing = Outgoing(stream, WINDOW_BYTES, self._send)
            task = asyncio.get_running_loop().create_task(self._pump(outgoing, source))
            self._open[stream] = (outgoing, task)
            self._newest = stream
            self._of_call.setdefault(call, []).append(stream)
        return values

    def close(self, call: int) -> None:
        """Stop the streams of a call that has ended."""
        for stream in self._of_call.pop(call, ()):
            self._stop(stream)

    def close_all(self) -> None:
        """Stop every stream."""
        for call in list(self._of_call):
            self.close(call)

    def on_credit(self, credit: codec.Credit) -> None:
        """Send more of a stream; credit may arrive after its end.

        Raises:
            ProtocolViolation: there never was such a stream, or it is more than a window.

        """
        found = self._open.get(credit.id)
        if found is not None:
            found[0].grant(credit.bytes)
        elif credit.id > self._newest:
            raise ProtocolViolation(f"credit for stream {credit.id}, which is none of ours")
        else:
            self._stale()

    def on_cancel(self, cancel: codec.Cancel) -> None:
        """Stop a stream the worker does not read any more.

        Raises:
            ProtocolViolation: there never was such a stream.

        """
        if cancel.id > self._newest:
            raise ProtocolViolation(f"the end of stream {cancel.id}, which is none of ours")
        if cancel.id not in self._open:
            self._stale()
        self._stop(cancel.id)

    def _stop(self, stream: int) -> None:
        found = self._open.pop(stream, None)
        if found is not None:
            found[0].stop()
            found[1].cancel()

    async def _pump(self, outgoing: Outgoing, source: Source) -> None:
        error: tuple[str, str] | None = None
        try:
            await outgoing.pump(source)
        except Exception as problem:  # the plugin's call learns of it, and with the call's failure its caller
            error = (codec.truncated(type(problem).__name__, 256), codec.truncated(str(problem)))
        if self._open.pop(outgoing.number, None) is not None:
            self._send(codec.End(outgoing.number, error))
