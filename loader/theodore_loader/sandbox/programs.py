"""What the kernel itself opens when a program is executed: the file, its ``#!`` interpreter, its dynamic loader.

Each of them needs Landlock's execute right, so a grant for a program is a grant for this closure.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_MOST_INTERPRETERS = 4  # BINPRM recursion limit
_LONGEST_LINE = 256  # BINPRM_BUF_SIZE
_PT_INTERP = 3


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
                words = head[2:].split(b"\n", 1)[0].split()
                return os.fsdecode(words[0]) if words else None
            return _elf_interpreter(path) if head.startswith(b"\x7fELF\x02\x01") else None
    except (OSError, struct.error):
        return None


def _elf_interpreter(path: Path) -> str | None:
    """Read ``PT_INTERP`` of a 64-bit little-endian ELF file (System V ABI, "Program Header")."""
    with path.open("rb") as stream:
        header = stream.read(64)
        table, entry_size, entries = (
            struct.unpack_from("<Q", header, 32)[0],
            *struct.unpack_from("<HH", header, 54),
        )
        stream.seek(table)
        data = stream.read(entry_size * entries)
        for at in range(0, len(data), entry_size):
            kind, offset, size = struct.unpack_from("<I", data, at)[0], *struct.unpack_from("<Q16xQ", data, at + 8)
            if kind == _PT_INTERP:
                stream.seek(offset)
                return os.fsdecode(stream.read(min(size, 4096)).rstrip(b"\0"))
    return None
