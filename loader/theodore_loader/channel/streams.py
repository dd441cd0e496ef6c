"""Streams: items in chunks, paid for with credit, so that a slow consumer stops the producer and not the host.

The consumer grants bytes; a chunk costs its size and a little, and may be sent while any credit is left. What a
producer can make its consumer hold is therefore a window and one chunk, whatever it does. The same two classes serve
both directions; :class:`Incoming` trusts nothing of the other end.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from theodore_loader.channel.codec import Chunk, Credit, encode_into
from theodore_loader.channel.frames import MAX_VALUE_BYTES
from theodore_loader.channel.outbox import ValueTooLargeError
from theodore_loader.errors import ProtocolViolation

WINDOW_BYTES = 256 * 1024
"""Credit of a new stream: a consumer holds this and one chunk at most."""
CHUNK_BYTES = 32 * 1024
CHUNK_ITEMS = 1024
CHUNK_COST = 32
"""What a chunk costs beyond its bytes, so that empty-handed chunks are not free."""
_ARRAY_HEADER = 5
_ARRAYS = frozenset([*range(0x90, 0xA0), 0xDC, 0xDD])
_EMPTY = (b"\x90", b"\xdc\x00\x00", b"\xdd\x00\x00\x00\x00")


def cost(items: msgspec.Raw | bytes | bytearray) -> int:
    """Return the credit a chunk uses up."""
    return len(items) + CHUNK_COST


class Incoming:
    """The consumer's end. ``read`` turns a chunk into items, ``grant`` sends a ``Credit``."""

    __slots__ = (
        "_allowed",
        "_chunks",
        "_finished",
        "_grant",
        "_left",
        "_owed",
        "_problem",
        "_read",
        "_waiter",
        "number",
    )

    def __init__(
        self, number: int, read: Callable[[bytes], Sequence[Any]], grant: Callable[[Credit], None], window: int
    ) -> None:
        self.number = number
        self._read = read
        self._grant = grant
        self._allowed = window
        self._owed = 0
        self._chunks: deque[bytes] = deque()
        self._finished = False
        self._left = False
        self._problem: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the producer has said that nothing more comes."""
        return self._finished

    def arrive(self, items: msgspec.Raw) -> None:
        """Take a chunk in.

        Raises:
            ProtocolViolation: there was no credit for it, or there is nothing in it.

        """
        if self._allowed <= 0:
            raise ProtocolViolation(f"a chunk of stream {self.number} beyond its credit")
        self._allowed -= cost(items)
        chunk = bytes(items)
        if chunk in _EMPTY or chunk[0] not in _ARRAYS:
            raise ProtocolViolation(f"a chunk of stream {self.number} without items")
        if not self._left:
            self._chunks.append(chunk)
            self._wake()

    def finish(self, problem: BaseException | None = None) -> None:
        """Note the end; what has arrived before it is still delivered."""
        self._finished = True
        self._problem = self._problem or problem
        self._wake()

    def leave(self) -> None:
        """Forget what waits and take no more; chunks under way are dropped."""
        self._left = True
        self._chunks.clear()

    async def chunk(self) -> Sequence[Any] | None:
        """Return the next items, or ``None`` at the end.

        Raises:
            BadValueError: they are of another type than declared.
            Exception: what ended the stream.

        """
        while not self._chunks:
            if self._finished:
                if self._problem is not None:
                    raise self._problem
                return None
            await self._wait()
        raw = self._chunks.popleft()
        self._pay_back(cost(raw))
        return self._read(raw)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _pay_back(self, used: int) -> None:
        """Return credit in halves of a window, not for every chunk."""
        self._owed += used
        if self._owed >= WINDOW_BYTES // 2 and not self._finished:
            self._allowed += self._owed
            self._grant(Credit(self.number, self._owed))
            self._owed = 0


class Outgoing:
    """The producer's end: encodes items as they come, sends them when a chunk is full or the producer pauses."""

    __slots__ = ("_buffer", "_count", "_credit", "_flush", "_loop", "_room", "_send", "_stopped", "number")

    def __init__(self, number: int, credit: int, send: Callable[[Chunk], None]) -> None:
        self.number = number
        self._credit = credit
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(_ARRAY_HEADER)
        self._count = 0
        self._flush: asyncio.Handle | None = None
        self._room: asyncio.Future[None] | None = None
        self._stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether nobody reads any more."""
        return self._stopped

    def grant(self, more: int) -> None:
        """Note credit the consumer has given.

        Raises:
            ProtocolViolation: more than a consumer can have used.

        """
        if self._credit + more > WINDOW_BYTES:
            raise ProtocolViolation(f"credit of stream {self.number} beyond its window")
        self._credit += more
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        elif self._count and self._flush is None:
            self._send_chunk()

    async def pump(self, source: AsyncIterable[Any]) -> None:
        """Send every item of ``source``; it is closed however this ends.

        Raises:
            TypeError, ValueTooLargeError: an item cannot cross.
            Exception: what the source raised. All that came before it has been sent.

        """
        iterator = source.__aiter__()
        try:
            async for item in iterator:
                if self._stopped:
                    return
                await self._add(item)
        except Exception:
            await self._drain()
            raise
        finally:
            self._cancel_flush()
            await _close(iterator)
        await self._drain()

    def stop(self) -> None:
        """Take no more from the source: nobody reads. Whoever runs :meth:`pump` cancels it as well."""
        self._stopped = True

    async def _add(self, item: object) -> None:
        start = len(self._buffer)
        self._encode(item, start)
        if len(self._buffer) > MAX_VALUE_BYTES:
            await self._send_apart(start)
        self._count += 1
        if self._count >= CHUNK_ITEMS or len(self._buffer) >= CHUNK_BYTES:
            await self._send_when_allowed()
            await asyncio.sleep(0)  # a producer that never waits must not keep others from running
        elif self._flush is None:
            self._flush = self._loop.call_soon(self._flush_pause)

    def _encode(self, item: object, start: int) -> None:
        try:
            encode_into(item, self._buffer, start)
            if (size := len(self._buffer) - start) > MAX_VALUE_BYTES - _ARRAY_HEADER:
                raise ValueTooLargeError(size)
        except BaseException:
            del self._buffer[start:]
            raise

    async def _send_apart(self, start: int) -> None:
        """Send what came before a large item, which then starts a chunk of its own."""
        item = self._buffer[start:]
        del self._buffer[start:]
        await self._send_when_allowed()
        self._buffer += item

    async def _drain(self) -> None:
        if self._count and not self._stopped:
            await self._send_when_allowed()

    def _flush_pause(self) -> None:
        """Send what there is when the producer has let the loop run: it waits for something itself."""
        self._flush = None
        if self._count and self._credit > 0:
            self._send_chunk()

    async def _send_when_allowed(self) -> None:
        self._cancel_flush()
        while self._credit <= 0:
            self._room = self._loop.create_future()
            try:
                await self._room
            finally:
                self._room = None
        self._send_chunk()

    def _send_chunk(self) -> None:
        if not self._count:
            return
        buffer, count = self._buffer, self._count
        self._buffer, self._count = bytearray(_ARRAY_HEADER), 0
        buffer[0] = 0xDD  # array 32
        buffer[1:_ARRAY_HEADER] = count.to_bytes(4, "big")
        self._credit -= cost(buffer)
        self._send(Chunk(self.number, msgspec.Raw(buffer)))

    def _cancel_flush(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None


async def _close(iterator: AsyncIterator[Any]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
