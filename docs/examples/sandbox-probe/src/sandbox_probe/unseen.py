"""The same acts through the C library: no Python code runs between the request and the system call."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from functools import cache


def read(path: str) -> str:
    """Return what the file says: ``open(2)``, ``read(2)``."""
    libc = _libc()
    descriptor = _checked(libc.open(path.encode(), os.O_RDONLY))
    buffer = ctypes.create_string_buffer(4096)
    length = _checked(libc.read(descriptor, buffer, len(buffer)))
    libc.close(descriptor)
    return buffer.raw[:length].decode()


def connect(address: str) -> str:
    """Connect to an IPv4 ``host:port``: ``socket(2)``, ``connect(2)``."""
    libc = _libc()
    host, _, port = address.rpartition(":")
    descriptor = _checked(libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0))
    name = struct.pack("=H", socket.AF_INET) + struct.pack("!H", int(port)) + socket.inet_aton(host) + bytes(8)
    _checked(libc.connect(descriptor, name, len(name)))
    libc.close(descriptor)
    return f"connected to {address}"


def spawn(program: str) -> str:
    """Start ``program``: ``fork(2)``, ``execve(2)``."""
    libc = _libc()
    child = _checked(libc.fork())
    if child == 0:
        libc.execlp(program.encode(), program.encode(), None)
        os._exit(126)
    return f"started process {child}, status {os.waitpid(child, 0)[1]}"


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{errno.errorcode.get(number, number)}: {os.strerror(number)}")
    return result
