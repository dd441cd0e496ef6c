"""How files are opened that anything may have been put in the place of: a pipe, a socket, a device, a folder.

A pipe would be waited for without end, a device can have an effect by being opened and never ends, and a file of any
size would be read into memory. What is in the state folder, or was named by somebody else, is opened here.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK = 1 << 20
"""What is asked for beyond the size a file says it has: memory is taken for what is asked for, not for what comes."""


def open_regular(path: Path | str, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Return a descriptor of a regular file, and of nothing else. Raises OSError, naming the file."""
    try:
        descriptor = os.open(path, flags | _FLAGS, mode)
    except OSError as problem:
        if problem.errno == errno.ENXIO:  # a socket, or a pipe that nobody reads
            raise _not_regular(path) from None
        raise
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise _not_regular(path)


def read_regular(path: Path | str, limit: int) -> bytes:
    """Return what is in a regular file of at most ``limit`` bytes. Raises OSError, naming the file."""
    data = read_beyond(path, limit)
    if len(data) > limit:
        raise OSError(errno.EOVERFLOW, f"larger than {limit:,} bytes, which no such file ever is", str(path))
    return data


def read_beyond(path: Path | str, limit: int) -> bytes:
    """Return at most one byte more than ``limit`` of a regular file, so that the caller sees that it is too much.

    Raises OSError, naming the file.
    """
    descriptor = open_regular(path)
    try:
        data = os.read(descriptor, min(os.fstat(descriptor).st_size, limit) + 1)
        while 0 < len(data) <= limit and (more := os.read(descriptor, min(limit + 1 - len(data), _CHUNK))):
            data += more
    except OSError as problem:
        problem.filename = problem.filename or str(path)
        raise
    finally:
        os.close(descriptor)
    return data


def _not_regular(path: Path | str) -> OSError:
    return OSError(errno.EINVAL, "not a regular file", str(path))
