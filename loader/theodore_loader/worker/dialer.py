"""Asks the host for connections. Any thread may ask; one thread of its own, started on first use, reads the answers."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import threading
from concurrent.futures import Future

from theodore_loader.broker.wire import MAX_PACKET, Dial, Dialled, decode_dialled, encode
from theodore_sdk.errors import PluginPermissionError, ResourceLimitExceeded


class Dialer:
    """The worker's end of the broker socket."""

    def __init__(self, broker: socket.socket) -> None:
        self._broker = broker
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[Future[int], str]] = {}
        self._reader: threading.Thread | None = None

    def dial(self, host: str, port: int, seconds: float | None, location: str | None) -> Future[int]:
        """Return the future of a connected descriptor, which belongs to whoever awaits it.

        The future raises :class:`PluginPermissionError`, :class:`ResourceLimitExceeded`, ``socket.gaierror``,
        ``TimeoutError`` or another ``OSError``.
        """
        future: Future[int] = Future()
        with self._lock:
            self._start_reader()
            number = next(self._ids)
            self._waiting[number] = (future, f"{host}:{port}")
            self._broker.send(encode(Dial(number, host[:512], port, seconds, location and location[:512])))
        return future

    def _start_reader(self) -> None:
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, name="theodore-broker", daemon=True)
            self._reader.start()

    def _read(self) -> None:
        while True:
            data, descriptors, _flags, _address = socket.recv_fds(self._broker, MAX_PACKET, 1)
            if not data:
                self._fail_all()
                return
            self._settle(decode_dialled(data), descriptors)

    def _settle(self, answer: Dialled, descriptors: list[int]) -> None:
        future, resource = self._waiting.pop(answer.id, (None, ""))
        if future is None or not future.set_running_or_notify_cancel():
            for descriptor in descriptors:
                os.close(descriptor)
        elif answer.outcome == "connected" and descriptors:
            os.set_inheritable(descriptors[0], False)
            future.set_result(descriptors[0])
        else:
            future.set_exception(_problem(answer, resource))

    def _fail_all(self) -> None:
        for future, _resource in self._waiting.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(ConnectionAbortedError(errno.ECONNABORTED, "the host's broker is gone"))


def _problem(answer: Dialled, resource: str) -> Exception:
    if answer.outcome == "denied":
        return PluginPermissionError(
            "network", resource if not answer.message else answer.message, enforced_by="broker"
        )
    if answer.outcome == "limited":
        return ResourceLimitExceeded("max_network_requests_per_minute", answer.message)
    if answer.outcome == "unresolved":
        return socket.gaierror(answer.errno, answer.message)
    if answer.outcome == "timeout":
        return TimeoutError(errno.ETIMEDOUT, answer.message)
    return OSError(answer.errno, answer.message)
