"""The difference a fix would make, as `patch` and `git apply` read it: bytes, whatever the files' encodings are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import diff_bytes, unified_diff

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_NO_NEWLINE = b"\n\\ No newline at end of file\n"


def difference(changes: Mapping[str, tuple[bytes, bytes]], folder: str = "") -> bytes:
    """Return the unified diff of every changed file, in the order of their paths, which are those below ``folder``."""
    prefix = f"{folder}/" if folder else ""
    return b"".join(line for path in sorted(changes) for line in _of_file(f"{prefix}{path}", *changes[path]))


def _of_file(path: str, before: bytes, after: bytes) -> Iterator[bytes]:
    name = path.encode("utf-8", "surrogateescape")
    lines = diff_bytes(unified_diff, _LINE.findall(before), _LINE.findall(after), b"a/" + name, b"b/" + name)
    for line in lines:
        yield line if line.endswith(b"\n") else line + _NO_NEWLINE
