"""A running host says what it runs: a UNIX socket of this user's own in the state folder.

Whoever connects (``theodore-plugin ps``) gets one JSON object and the end of the connection; nothing is read from it,
so nothing can be asked wrongly. The folder is this user's alone (0700), and the peer's user is checked besides. No
worker can reach it: workers have no sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from theodore_loader.paths import private_dir

FOLDER = "hosts"
MAX_ANSWER = 4 * 1024 * 1024
ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One running host: its process, since when (seconds since the epoch), and its plugins."""

    pid: int
    since: float
    python: str
    program: str
    plugins: tuple[Any, ...]


class Control:
    """Offers a host's status while it is open. ``plugins`` is asked at each connection."""

    def __init__(self, home: Path, plugins: Callable[[], tuple[Any, ...]]) -> None:
        self._home = home
        self._plugins = plugins
        self._since = time.time()
        self._server: asyncio.AbstractServer | None = None
        self._path: Path | None = None
        self._changing = asyncio.Lock()
        self._closed = False
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, once. Where there are no UNIX sockets, or none can be made, the host runs without."""
        async with self._changing:
            if self._server is not None or self._closed or not hasattr(socket, "AF_UNIX"):
                return
            path = private_dir(self._home / FOLDER) / f"{os.getpid()}-{id(self):x}.sock"
            with contextlib.suppress(OSError):
                self._server = await asyncio.start_unix_server(self._answer, sock=_listening(path))
                self._path = path

    async def close(self) -> None:
        """Stop listening for good, leave whoever is still being answered, and remove the socket."""
        self._closed = True
        async with self._changing:
            if self._server is not None:
                self._server.close()
                self._server = None
        answering = [*self._answering]
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def status(self) -> HostStatus:
        """Return what a connection gets."""
        python = ".".join(map(str, sys.version_info[:3]))
        return HostStatus(os.getpid(), self._since, python, sys.argv[0] or sys.executable, self._plugins())

    async def _answer(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a server runs each connection in one
        self._answering.add(task)
        try:
            if _same_user(writer.get_extra_info("socket")):
                writer.write(msgspec.json.encode(self.status()))
                await asyncio.wait_for(writer.drain(), ANSWER_SECONDS)
        except (OSError, TimeoutError):
            writer.transport.abort()  # whoever asked is gone, or does not read
        finally:
            self._answering.discard(task)
            await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection; what has not been read by then is dropped."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), ANSWER_SECONDS)
    except (OSError, TimeoutError, asyncio.CancelledError):
        writer.transport.abort()


def hosts(home: Path) -> Iterator[dict[str, Any]]:
    """Yield the status of every running host of this state folder; sockets of hosts that are gone are removed."""
    folder = home / FOLDER
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.sock")):
        answer = _ask(path)
        if answer is not None:
            yield answer


def _ask(path: Path) -> dict[str, Any] | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            with _short(path) as name:
                connection.connect(name)
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionRefusedError:  # nobody listens: its host was killed
            path.unlink(missing_ok=True)
            return None
        except OSError:
            return None
    try:
        answer: dict[str, Any] = msgspec.json.decode(data[:MAX_ANSWER], type=dict)
    except (msgspec.DecodeError, RecursionError):
        return None
    return answer


def _listening(path: Path) -> socket.socket:
    """Return a socket that listens at ``path``, which appears there when it does: a refusal means a dead host."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    early = path.with_suffix(".new")
    try:
        early.unlink(missing_ok=True)
        with _short(early) as name:
            listener.bind(name)
        early.chmod(0o600)
        listener.listen(8)
        early.rename(path)
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name for ``path`` that fits into a socket's address (108 bytes), however deep the folder lies."""
    if len(os.fsencode(path)) < 100 or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _same_user(connection: Any) -> bool:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True  # the folder's mode decides
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return uid in (0, os.geteuid())
