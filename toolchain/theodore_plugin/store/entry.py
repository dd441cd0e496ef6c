"""One entry of a store: a file that holds the digest of its content, and then the content.

Imported by every unchanged run before anything else; it imports next to nothing.
"""

from __future__ import annotations

import os
import stat

try:
    from _blake2 import blake2b  # hashlib loads OpenSSL first, which takes longer than all hashing here
except ImportError:
    from hashlib import blake2b

DIGEST_BYTES = 32
MAX_ENTRY_BYTES = 64 * 1024 * 1024


class Damaged(ValueError):
    """What lies there is no entry of ours: cut off, altered, a link, writable by others, or too large."""


def place(folder: str, key: str) -> str:
    """Return where an entry lies; folders of 256 keep listing them fast."""
    return os.path.join(folder, key[:2], key[2:])


def seal(data: bytes) -> bytes:
    """Return data as it is written."""
    return bytes(blake2b(data, digest_size=DIGEST_BYTES).digest()) + data


def read(path: str, max_bytes: int = MAX_ENTRY_BYTES) -> bytes:
    """Return what was written. Raises OSError or :class:`Damaged`."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | _WAITLESS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes or _foreign(status):
            raise Damaged(path)
        sealed = _read_all(descriptor, status.st_size)
    finally:
        os.close(descriptor)
    data = sealed[DIGEST_BYTES:]
    if blake2b(data, digest_size=DIGEST_BYTES).digest() != sealed[:DIGEST_BYTES]:
        raise Damaged(path)
    return data


_WAITLESS = getattr(os, "O_NONBLOCK", 0)  # a pipe in our place would be waited for without end


def _foreign(status: os.stat_result) -> bool:
    """Whether somebody else could have written a file; where there are no user ids, modes say nothing."""
    return hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or bool(status.st_mode & 0o022))


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    while len(data) < size and (more := os.read(descriptor, size)):
        data += more
    return data
