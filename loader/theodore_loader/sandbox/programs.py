"""What the kernel itself opens when a program is executed: the file, its ``#!`` interpreter, its dynamic loader.

Each of them needs Landlock's execute right, so a grant for a program is a grant for this closure.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

SEARCH_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where a program granted by its bare name is looked for, in this order; also a worker's ``PATH``."""

_MOST_INTERPRETERS = 4  # BINPRM recursion limit
_LONGEST_LINE = 256  # BINPRM_BUF_SIZE
_LONGEST_PATH = 4096
_ELF_64_LITTLE = b"\x7fELF\x02\x01"
_HEADER_SIZE, _ENTRY_SIZE, _PT_INTERP = 64, 56, 3


def closure(program: str) -> tuple[str, ...]:
    """Return ``program`` with links resolved, and what the kernel opens to run it; unreadable parts are left out."""
    found: list[str] = []
    following: str | None = program
    while following is not None and len(found) <= _MOST_INTERPRETERS:
        path = os.path.realpath(following)
        if path in found:
            break
        found.append(path)
        following = _interpreter(Path(path))
    return tuple(found)


def _interpreter(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            head = stream.read(_LONGEST_LINE)
            if head.startswith(b"#!"):
                return _script_interpreter(head)
            return _elf_interpreter(stream) if head.startswith(_ELF_64_LITTLE) else None
    except (OSError, ValueError, struct.error):  # it is no program then, and exec will say so
        return None


def _script_interpreter(head: bytes) -> str | None:
    words = head[2:].split(b"\n", 1)[0].split()
    return os.fsdecode(words[0]) if words and b"\0" not in words[0] else None


def _elf_interpreter(stream: BinaryIO) -> str | None:
    """Read ``PT_INTERP`` of a 64-bit little-endian ELF file (System V ABI, "Program Header")."""
    stream.seek(0)
    header = stream.read(_HEADER_SIZE)
    table = struct.unpack_from("<Q", header, 32)[0]
    entry_size, entries = struct.unpack_from("<HH", header, 54)
    if entry_size != _ENTRY_SIZE:
        return None
    stream.seek(table)
    data = stream.read(entry_size * entries)
    for at in range(0, len(data) - _ENTRY_SIZE + 1, _ENTRY_SIZE):
        kind, offset, size = struct.unpack_from("<I4xQ16xQ", data, at)
        if kind == _PT_INTERP:
            stream.seek(offset)
            return os.fsdecode(stream.read(min(size, _LONGEST_PATH)).partition(b"\0")[0]) or None
    return None
