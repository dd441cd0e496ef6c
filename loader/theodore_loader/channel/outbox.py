"""What waits to be written: frames encoded once, written together, kept only while the socket takes no more."""

from __future__ import annotations

import socket
from collections import deque
from struct import Struct

from theodore_loader.channel.codec import Frame, encode_into
from theodore_loader.channel.frames import HEADER_BYTES, MAX_FRAME_BYTES, MAX_VALUE_BYTES

LARGE = 32 * 1024
"""Frames from this size on are not copied to be written together with others."""
_HEADER = Struct(">I")


class ValueTooLargeError(ValueError):
    """An encoded value is larger than ``MAX_VALUE_BYTES``; the message says what to do instead."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"{size} bytes encoded; the limit is {MAX_VALUE_BYTES} bytes (1 MiB): send more in pieces,"
            " through an operation that streams"
        )


class Outbox:
    """Bytes on their way to a non-blocking socket. Not for several threads."""

    __slots__ = ("_buffer", "_queue", "_scratch", "_socket", "waiting")

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._buffer = bytearray()
        self._queue: deque[memoryview] = deque()
        self._scratch: bytearray | None = bytearray()
        self.waiting = 0
        """How many bytes wait."""

    def put(self, message: Frame, limit: int = MAX_FRAME_BYTES, *, now: bool = False) -> bool:
        """Encode a frame behind those that wait; ``now`` writes it at once if none do. Return whether it was written.

        Raises:
            TypeError, OverflowError: it holds something that cannot cross.
            ValueTooLargeError: its payload would be larger than ``limit``.

        """
        # Encoding may run code (a lazy mapping that logs while it is read), which may come here again.
        scratch, self._scratch = self._scratch, None
        if scratch is None:
            scratch = bytearray()
        encode_into(message, scratch, HEADER_BYTES)
        size = len(scratch) - HEADER_BYTES
        if size > limit:
            raise ValueTooLargeError(size)
        _HEADER.pack_into(scratch, 0, size)
        if now and not self.waiting and size < LARGE:
            self._scratch = scratch
            return self._post(scratch)
        self.waiting += len(scratch)
        if size >= LARGE:
            self._enqueue(self._buffer)
            self._buffer = bytearray()
            self._enqueue(scratch)
            self._scratch = bytearray()
        else:
            self._buffer += scratch
            self._scratch = scratch
        return False

    def _post(self, frame: bytearray) -> bool:
        """Write a lone frame without copying it; what is left of it waits."""
        try:
            sent = self._socket.send(frame)
        except OSError:  # there is no room, or nobody: to write again tells which
            sent = 0
        if sent == len(frame):
            return True
        self._buffer += memoryview(frame)[sent:]
        self.waiting = len(self._buffer)
        return False

    def write(self) -> bool:
        """Write what the socket takes and return whether nothing is left.

        Raises:
            OSError: the other end is gone.

        """
        buffer = self._buffer
        try:
            if self._queue:
                return self._write_queue()
            sent = self._socket.send(buffer) if buffer else 0
        except (BlockingIOError, InterruptedError):
            return not self.waiting
        self.waiting -= sent
        if sent == len(buffer):
            buffer.clear()
            return True
        self._buffer = bytearray()
        self._enqueue(buffer, sent)
        return False

    def _write_queue(self) -> bool:
        self._enqueue(self._buffer)
        self._buffer = bytearray()
        while self._queue:
            part = self._queue[0]
            sent = self._socket.send(part)
            self.waiting -= sent
            if sent < len(part):
                self._queue[0] = part[sent:]
                return False
            self._queue.popleft()
            self._take_back(part)
        return True

    def _take_back(self, part: memoryview) -> None:
        """Encode into the same memory again, which is worth it for large frames: the next small one shrinks it."""
        whole = part.obj
        part.release()
        if isinstance(whole, bytearray) and len(whole) >= LARGE:
            self._scratch = whole

    def _enqueue(self, data: bytearray, start: int = 0) -> None:
        if len(data) > start:
            self._queue.append(memoryview(data)[start:])
