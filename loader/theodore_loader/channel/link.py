"""One end of a channel's socket on an event loop: frames in, frames out, in as few system calls as there can be.

What is sent while frames are being read is written together once they are read, so that a busy channel pays one
system call for many frames and an idle one none for waiting. The event loop is asked for readiness only
(``add_reader``): a transport would copy every byte once more and cost a third of a small call.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from time import monotonic

from theodore_loader.channel.codec import Frame
from theodore_loader.channel.frames import MAX_FRAME_BYTES, FrameBuffer, Payload
from theodore_loader.channel.outbox import Outbox
from theodore_loader.errors import ProtocolViolation

SOCKET_BUFFER = 1024 * 1024
"""Asked for; the kernel gives what its administrator allows."""
TURN_SECONDS = 0.0005
"""How long an answer waits at most for the frames that arrived together with its call."""
REST = 20
"""What is too much is read so that a millisecond spent on it is followed by at least so many without."""
LONGEST_REST = 0.4
"""Less than a worker has to answer in when a call of it is to stop: what took long may have been the callers that were
woken, for whose work no worker is to be killed."""


class Link:
    """A connected stream socket. ``on_frame`` gets each payload, ``on_end`` why it is over (``None``: closed)."""

    def __init__(
        self,
        end: socket.socket,
        on_frame: Callable[[Payload], None],
        on_end: Callable[[ProtocolViolation | None], None],
        on_drained: Callable[[], None] = lambda: None,
    ) -> None:
        end.setblocking(False)
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        self._socket = end
        self._loop = asyncio.get_running_loop()
        self._frames = FrameBuffer()
        self._outbox = Outbox(end)
        self._on_frame = on_frame
        self._on_end = on_end
        self._on_drained = on_drained
        self._reading = False
        self._corked = False
        self._unflushed = False
        self._writing = False
        self._scheduled = False
        self._closing = False
        self._pause = 0.0
        self.closed = False
        self.drain_wanted = False
        """Whether ``on_drained`` is to be called, once, when everything has been written."""
        self._loop.add_reader(end, self.read)

    @property
    def unsent(self) -> int:
        """Bytes the other end has not made room for."""
        return self._outbox.waiting

    def send(self, message: Frame, limit: int = MAX_FRAME_BYTES, *, later: bool = False) -> int:
        """Send a frame and return :attr:`unsent`; ``later`` lets it wait for others of the same turn of the loop.

        Raises:
            TypeError, ValueTooLargeError: it cannot cross; nothing was sent.

        """
        if self.closed or self._closing:
            return 0
        others = self._corked or self._scheduled or self._writing
        if self._outbox.put(message, limit, now=not (others or later)):
            return 0
        self._unflushed = True
        if not others:
            self._flush_soon() if later else self.flush()
        return self._outbox.waiting

    def flush(self) -> None:
        """Write what waits, now."""
        if self.closed or self._writing:
            return
        self._unflushed = False
        try:
            done = self._outbox.write()
        except OSError:
            # The reader learns of the end as well, after what has arrived before it.
            self._outbox = Outbox(self._socket)
            return
        if not done:
            self._writing = True
            self._loop.add_writer(self._socket, self._writable)
        elif self._closing:
            self._over(None)
        elif self.drain_wanted:
            self.drain_wanted = False
            self._on_drained()

    def close(self) -> None:
        """Close the socket; what waits is lost. Says nothing to the owner."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        if self._writing:
            self._loop.remove_writer(self._socket)
        self._socket.close()

    def close_when_written(self) -> None:
        """Close once everything has been written, and tell the owner; nothing more is sent."""
        self._closing = True
        self.flush()

    def pause_reading(self, seconds: float) -> None:
        """Read nothing for a while: whoever sends too much waits in its own send.

        Small frames cost the host much for few bytes, so the pause also grows with what handling them took.
        """
        if not self.closed and self._loop.remove_reader(self._socket):
            self._pause = seconds
            if not self._reading:
                self._loop.call_later(seconds, self._read_again)

    def _read_again(self) -> None:
        self._pause = 0.0
        if not self.closed:
            self._loop.add_reader(self._socket, self.read)

    def read(self) -> None:
        """Read what is there; of a large frame, all that comes without waiting."""
        more = True
        while more and not self.closed:
            try:
                count = self._socket.recv_into(self._frames.writable())
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                count = 0
            if not count:
                self._over(None)
                return
            self._deliver(count)
            more = self._frames.is_inside_large and not self._pause

    def _deliver(self, count: int) -> None:
        started, self._reading = monotonic(), True
        try:
            frame = self._frames.lone(count)
            if frame is not None:
                self._on_frame(frame)
            else:
                self._deliver_together(self._frames.received(count), started + TURN_SECONDS)
        except ProtocolViolation as violation:
            self._over(violation)
        except Exception as bug:
            self._over(ProtocolViolation(f"a frame could not be handled: {type(bug).__name__}"))
            raise
        finally:
            self._reading = False
            if self._pause:
                rest = min(REST * (monotonic() - started), LONGEST_REST)
                self._loop.call_later(max(self._pause, rest), self._read_again)

    def _deliver_together(self, frames: Iterator[Payload], soon: float) -> None:
        """Deliver frames that arrived together; what is sent meanwhile is written together, but not too late."""
        self._corked = True
        try:
            for frame in frames:
                self._on_frame(frame)
                if self.closed:
                    return
                if self._unflushed and monotonic() > soon:
                    self.flush()
                    soon = monotonic() + TURN_SECONDS
        finally:
            self._corked = False
        if self._unflushed:
            self.flush()

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        self._writing = False
        self.flush()

    def _flush_soon(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        self._scheduled = False
        self.flush()

    def _over(self, violation: ProtocolViolation | None) -> None:
        self.close()
        self._on_end(violation)
