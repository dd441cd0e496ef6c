"""The extension's C source, and the digest that ties a compiled file to it.

A worker computes it at every start, so it is the hash that CPython ties bytecode to source with, and not one that
would need a library: it tells an old build from a new one, and is no protection against anybody.
"""

from __future__ import annotations

import _imp
import os

FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - pathlib is slow to import, and workers come here


def files() -> tuple[str, ...]:
    """Return the paths of the C files, headers included, sorted."""
    names = sorted(name for name in os.listdir(FOLDER) if name.endswith((".c", ".h")))  # noqa: PTH208
    return tuple(f"{FOLDER}/{name}" for name in names)


def digest() -> str:
    """Return the digest of the source as it is now. Raises OSError when there is none."""
    paths = files()
    if not paths:
        raise FileNotFoundError(f"no C source in {FOLDER}")
    together = bytearray()
    for path in paths:
        with open(path, "rb") as file:  # noqa: PTH123
            together += file.read() + b"\0"
    return _imp.source_hash(1, bytes(together)).hex()
