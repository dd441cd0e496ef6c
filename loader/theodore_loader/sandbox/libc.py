"""System calls that Python does not wrap: through the extension (``native``), or else through ctypes.

What comes through the extension ends with the audit hook, which takes it away; ctypes would stay in the process.
Either is loaded on first use, so that importing the sandbox works where there is neither.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from theodore_loader.sandbox import native, syscall_table

_TABLES: Mapping[str, Mapping[str, int]] = {
    "x86_64": syscall_table.X86_64,
    "aarch64": syscall_table.AARCH64,
}
_MOST_ARGUMENTS = 6


@cache
def machine() -> str | None:
    """Return the architecture whose system calls we know, or ``None`` on every other machine."""
    if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return None
    name = os.uname().machine
    return name if name in _TABLES else None


def syscall_numbers(name: str) -> Mapping[str, int]:
    """Return name -> number for an architecture :func:`machine` returned."""
    return _TABLES[name]


@cache
def _foreign() -> Any:
    import ctypes

    words = [ctypes.c_void_p] * _MOST_ARGUMENTS  # takes integers of 64 bits, and the address of bytes
    return ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, *words, use_errno=True)(("syscall", ctypes.CDLL(None)))


def forget() -> None:
    """Drop the loaded library; the next system call would load it again."""
    _foreign.cache_clear()


def syscall(name: str, *arguments: int | bytes | bytearray | None) -> int:
    """Make the system call ``name``: integers as machine words, buffers by address, ``None`` as the null pointer.

    Bytes are read by the kernel, a ``bytearray`` may be written by it.

    Raises:
        OSError: the kernel refused, or does not know the call (``ENOSYS``); with the extension also
            ``PermissionError`` after the audit hook was installed.

    """
    number = _TABLES.get(machine() or "", {}).get(name)
    if number is None:
        raise OSError(errno.ENOSYS, f"system call {name} is not known on this machine")
    extension = native.extension()
    result: int = (extension.syscall if extension else _foreign_call)(number, *arguments)
    if result < 0:
        raise OSError(-result, f"{name}: {os.strerror(-result)}")
    return result


def _foreign_call(number: int, *arguments: int | bytes | bytearray | None) -> int:
    """Return what the kernel says, or the negative error number."""
    import ctypes

    words = [address(value) if isinstance(value, bytearray) else value for value in arguments]
    result: int = _foreign()(number, *words, *(0,) * (_MOST_ARGUMENTS - len(words)))
    return -ctypes.get_errno() if result == -1 else result


def address(data: bytes | bytearray) -> int:
    """Return where ``data`` is in memory, for structures that hold pointers; the caller keeps it alive and as it is."""
    extension = native.extension()
    if extension is not None:
        found: int = extension.address(data)
        return found
    import ctypes

    if isinstance(data, bytearray):
        return ctypes.addressof(ctypes.c_char.from_buffer(data))
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0


def prctl(option: int, *arguments: int) -> int:
    """Make one ``prctl`` call, unused arguments zero as the kernel demands. Raises OSError."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return syscall("prctl", option, *padded)
