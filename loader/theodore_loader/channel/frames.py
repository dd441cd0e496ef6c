"""Frames: a 4-byte big-endian length, then that many bytes. Pure; knows nothing of what the bytes mean.

The length is checked before anything is stored, so that a peer which announces four gigabytes costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import TypeAlias

from theodore_loader.errors import ProtocolViolation

HEADER_BYTES = 4
MAX_VALUE_BYTES = 1024 * 1024
"""Largest encoded argument list, result or item of a stream: the ticket's 1 MiB."""
ENVELOPE_BYTES = 1024
MAX_FRAME_BYTES = MAX_VALUE_BYTES + ENVELOPE_BYTES
"""Largest frame: one value and the few fields around it."""
_BUFFER = 64 * 1024
_LENGTH = Struct(">I").unpack_from

Payload: TypeAlias = bytes | bytearray | memoryview
"""What a frame holds, until the next is asked for. What was decoded from it may keep referring to it: memory is used
again only where nothing does."""

_spare: list[bytearray] = []
"""Memory of one large frame, kept by the process: fresh memory costs more than what is written into it."""


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

    :meth:`writable` gives memory to receive into, :meth:`received` says how much of it was filled. Small frames are
    cut out of one buffer that stays; a frame larger than that is received where it will be read, so that a
    mebibyte is copied once: by the kernel.
    """

    __slots__ = ("_buffer", "_end", "_filled", "_large", "_memory", "_start", "_view", "is_inside_large")

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._large: memoryview | None = None
        self._memory = bytearray()
        self._filled = 0
        self.is_inside_large = False
        """Whether the rest of a frame too large for the buffer is due."""

    def writable(self) -> memoryview:
        """Return free memory, never empty."""
        if self._large is not None:
            return self._large[self._filled :]
        if not self._end:
            return self._view
        if self._end == _BUFFER:
            self._move_to_front()
        return self._view[self._end :]

    def lone(self, count: int) -> Payload | None:
        """Return the frame where the ``count`` bytes just written are one and nothing else, as they nearly always are.

        Where they are not, they are still to be given to :meth:`received`.
        """
        if self._end or self._large is not None or count < HEADER_BYTES:
            return None
        return self._buffer[HEADER_BYTES:count] if _LENGTH(self._buffer)[0] == count - HEADER_BYTES else None

    def received(self, count: int) -> Iterator[Payload]:
        """Yield every frame completed by the ``count`` bytes just written.

        Raises:
            ProtocolViolation: a header announces more than a frame may hold.

        """
        if self._large is not None:
            self._filled += count
            if self._filled == len(self._large):
                whole, self._large, self.is_inside_large = self._large, None, False
                yield whole
                _keep(self._memory, whole)
            return
        self._end += count
        while (payload := self._take()) is not None:
            yield payload

    def feed(self, data: bytes) -> Iterator[Payload]:
        """Yield every frame completed by ``data``: :meth:`writable` and :meth:`received` for blocking readers."""
        view = memoryview(data)
        while view:
            room = self.writable()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            view = view[count:]
            yield from self.received(count)

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame."""
        return self._end - self._start if self._large is None else HEADER_BYTES + self._filled

    @property
    def capacity(self) -> int:
        """Bytes of memory held."""
        return _BUFFER + (0 if self._large is None else MAX_FRAME_BYTES)

    def _take(self) -> bytearray | None:
        start = self._start + HEADER_BYTES
        if start > self._end:
            return None
        size: int = _LENGTH(self._buffer, self._start)[0]
        if size > MAX_FRAME_BYTES:
            raise ProtocolViolation(f"a frame of {size} bytes was announced; the limit is {MAX_FRAME_BYTES}")
        if start + size > self._end:
            if HEADER_BYTES + size > _BUFFER:
                self._set_apart(start, size)
            return None
        self._start = start + size
        payload = self._buffer[start : self._start]
        if self._start == self._end:
            self._start = self._end = 0
        return payload

    def _set_apart(self, start: int, size: int) -> None:
        """Give a frame that does not fit memory of its own, with what has arrived of it."""
        self._memory = _spare.pop() if _spare else bytearray(MAX_FRAME_BYTES)
        self._large = memoryview(self._memory)[:size]
        self._filled, self.is_inside_large = self._end - start, True
        self._large[: self._filled] = self._view[start : self._end]
        self._start = self._end = 0

    def _move_to_front(self) -> None:
        left = self._end - self._start
        self._buffer[:left] = bytes(self._view[self._start : self._end])
        self._start, self._end = 0, left


def _keep(memory: bytearray, whole: memoryview) -> None:
    """Keep memory for the next large frame, unless something that was decoded from it still refers to it."""
    try:
        whole.release()
        memory.append(0)  # only where nobody looks at it can it change its size
    except BufferError:
        return
    memory.pop()
    if not _spare:
        _spare.append(memory)
