"""Frames: a 4-byte big-endian length, then that many bytes. Pure; knows nothing of what the bytes mean.

The length is checked before anything is stored, so that a peer which announces four gigabytes costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from theodore_loader.errors import ProtocolViolation

HEADER_BYTES = 4
MAX_VALUE_BYTES = 1024 * 1024
"""Largest encoded argument list or result: the ticket's 1 MiB."""
MAX_FRAME_BYTES = MAX_VALUE_BYTES + 1024
"""Largest frame: one value and the few fields around it."""
_FIRST_BUFFER = 64 * 1024


def frame(payload: bytes) -> bytes:
    """Return ``payload`` with its length in front.

    Raises:
        ValueError: the payload is larger than a frame may be.

    """
    if len(payload) > MAX_FRAME_BYTES:
        raise ValueError(f"frame of {len(payload)} bytes; the limit is {MAX_FRAME_BYTES}")
    return len(payload).to_bytes(HEADER_BYTES, "big") + payload


class FrameBuffer:
    """Collects received bytes and yields whole frames.

    Used as ``asyncio.BufferedProtocol`` wants it: :meth:`writable` gives memory to receive into,
    :meth:`received` says how much of it was filled. Memory grows to one frame, never further, and shrinks
    again once a large frame has been handed out.
    """

    __slots__ = ("_buffer", "_end", "_start")

    def __init__(self) -> None:
        self._buffer = bytearray(_FIRST_BUFFER)
        self._start = 0
        self._end = 0

    def writable(self) -> memoryview:
        """Return free memory, never empty. Release it before calling :meth:`received`'s iterator to its end."""
        if self._end == len(self._buffer):
            self._make_room()
        return memoryview(self._buffer)[self._end :]

    def received(self, count: int) -> Iterator[bytes]:
        """Yield every frame completed by the ``count`` bytes just written.

        Raises:
            ProtocolViolation: a header announces more than a frame may hold.

        """
        self._end += count
        while (whole := self._take()) is not None:
            yield whole

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield every frame completed by ``data``: :meth:`writable` and :meth:`received` for blocking readers."""
        view = memoryview(data)
        while view:
            room = self.writable()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            room.release()
            view = view[count:]
            yield from self.received(count)

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame."""
        return self._end - self._start

    def _take(self) -> bytes | None:
        size = self._announced()
        if size is None or self.pending < HEADER_BYTES + size:
            return None
        start = self._start + HEADER_BYTES
        payload = bytes(memoryview(self._buffer)[start : start + size])
        self._start = start + size
        if self._start == self._end:
            self._start = self._end = 0
            if len(self._buffer) > _FIRST_BUFFER:
                self._buffer = bytearray(_FIRST_BUFFER)
        return payload

    def _announced(self) -> int | None:
        if self.pending < HEADER_BYTES:
            return None
        size = int.from_bytes(self._buffer[self._start : self._start + HEADER_BYTES], "big")
        if size > MAX_FRAME_BYTES:
            raise ProtocolViolation(f"a frame of {size} bytes was announced; the limit is {MAX_FRAME_BYTES}")
        return size

    def _make_room(self) -> None:
        """Move what is left to the front, and grow to hold the announced frame (never in place: views may exist)."""
        size = self._announced()
        wanted = max(_FIRST_BUFFER, HEADER_BYTES + (size or 0))
        fresh = bytearray(wanted)
        left = self.pending
        fresh[:left] = memoryview(self._buffer)[self._start : self._end]
        self._buffer, self._start, self._end = fresh, 0, left
