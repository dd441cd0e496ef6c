"""The C library through ctypes: system calls that Python does not wrap.

Loaded on first use, so that importing the sandbox works where there is no such library.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from theodore_loader.sandbox import syscall_table

_TABLES: Mapping[str, Mapping[str, int]] = {
    "x86_64": syscall_table.X86_64,
    "aarch64": syscall_table.AARCH64,
}


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
def _library() -> Any:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def forget() -> None:
    """Drop the loaded library; the next system call would load it again."""
    _library.cache_clear()


def syscall(name: str, *arguments: object) -> int:
    """Make the system call ``name``; integers are passed as machine words.

    Raises:
        OSError: the kernel refused, or does not know the call (``ENOSYS``).

    """
    import ctypes
    import errno

    table = _TABLES.get(machine() or "", {})
    if name not in table:
        raise OSError(errno.ENOSYS, f"system call {name} is not known on this machine")
    words = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    result: int = _library().syscall(ctypes.c_long(table[name]), *words)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, *arguments: int) -> int:
    """Make one ``prctl`` call, unused arguments zero as the kernel demands. Raises OSError."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return syscall("prctl", option, *padded)
