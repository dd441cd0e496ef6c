"""The extension's C source, and the digest that ties a compiled file to it.

A worker computes it at every start, so it is the hash that CPython ties bytecode to source with, and not one that
would need a library: it tells an old build from a new one, and is no protection against anybody.
"""

from __future__ import annotations

import _imp
import os

FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is slow to import, and workers come here


def names() -> tuple[str, ...]:
    """Return the names of the C files, headers included, sorted."""
    return tuple(sorted(name for name in os.listdir(FOLDER) if name.endswith((".c", ".h"))))  # noqa: PTH208


def digest() -> str:
    """Return the digest of the source as it is now. Raises OSError when there is none."""
    together = bytearray()
    for name in names():
        with open(f"{FOLDER}/{name}", "rb") as file:  # noqa: PTH123
            together += file.read() + b"\0"
    if not together:
        raise FileNotFoundError(f"no C source in {FOLDER}")
    return _imp.source_hash(1, bytes(together)).hex()
