"""Read a file that strangers may have laid out: only regular files, only up to a size, never waiting."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from theodore_plugin.distributions.model import Unreadable

MIB = 1024 * 1024


def read_regular(path: Path, limit: int) -> bytes:
    """Return the content of a regular file (a link to one will do). Raises :class:`Unreadable` with the reason."""
    try:
        # without O_NONBLOCK, a pipe of that name would be waited for without end
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as problem:
        raise Unreadable(f"cannot be read: {_why(problem)}") from None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file")
        if status.st_size > limit:
            raise Unreadable(f"larger than {limit // MIB} MiB ({status.st_size} bytes)")
        try:
            return stream.read(limit)
        except OSError as problem:
            raise Unreadable(f"cannot be read: {_why(problem)}") from None


def _why(problem: OSError | ValueError) -> str:
    return (isinstance(problem, OSError) and problem.strerror) or str(problem)
