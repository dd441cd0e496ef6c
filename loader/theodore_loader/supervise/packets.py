"""The host's end of the zygote's socketpair: whole packets, descriptors beside them, nothing that waits."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from theodore_loader.worker.fork_wire import MAX_PACKET

_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Packets:
    """Sends in order, as soon as there is room; gives what arrives to ``received``, and end of file as ``b""``.

    Descriptors that arrived belong to ``received``; those to be sent stay the caller's, open until they are sent or
    :meth:`withdraw` is called.
    """

    def __init__(self, sock: socket.socket, received: Callable[[bytes, Sequence[int]], None]) -> None:
        self._sock = sock
        self._received = received
        self._waiting: deque[tuple[bytes, Sequence[int]]] = deque()
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._loop.add_reader(sock.fileno(), self._readable)

    def send(self, packet: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send now, or queue. Raises OSError when the other end is gone or cannot take the descriptors."""
        if self._waiting or not self._sent(packet, descriptors):
            self._waiting.append((packet, descriptors))
            self._loop.add_writer(self._sock.fileno(), self._writable)

    def withdraw(self, packet: bytes) -> None:
        """Forget a packet that has not been sent yet."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] != packet)

    def close(self) -> None:
        """Close; what has not been sent never will be."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
            self._sock.close()

    def _sent(self, packet: bytes, descriptors: Sequence[int]) -> bool:
        try:
            socket.send_fds(self._sock, [packet], list(descriptors))
        except BlockingIOError:
            return False
        return True

    def _writable(self) -> None:
        try:
            while self._waiting and self._sent(*self._waiting[0]):
                self._waiting.popleft()
        except OSError:  # the other end is gone; that is heard of as end of file
            self._waiting.clear()
        if not self._waiting:
            self._loop.remove_writer(self._sock.fileno())

    def _readable(self) -> None:
        try:
            packet, descriptors, _flags, _address = socket.recv_fds(self._sock, MAX_PACKET, 1, _CLOSE_ON_EXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            packet, descriptors = b"", []
        if not packet:
            self.close()
        self._received(packet, descriptors)


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors that arrived and are not wanted."""
    for descriptor in descriptors:
        os.close(descriptor)
