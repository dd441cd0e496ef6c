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
    """Start ``program``: ``posix_spawnp(3)``, which returns the error of ``execve(2)``."""
    child = ctypes.c_int()
    arguments = (ctypes.c_char_p * 2)(program.encode(), None)
    problem = _libc().posix_spawnp(ctypes.byref(child), program.encode(), None, None, arguments, None)
    if problem:
        raise OSError(problem, f"{errno.errorcode.get(problem, problem)}: {os.strerror(problem)}")
    return f"started process {child.value}"


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL("libc.so.6", use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{errno.errorcode.get(number, number)}: {os.strerror(number)}")
    return result
