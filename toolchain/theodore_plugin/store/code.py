"""Digests of our own code: what a part of this program makes is good for exactly that version of the part."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent


@functools.cache
def code_digest(package: str) -> str:
    """Return the digest of a package of the toolchain (``facts``) and of the interpreter's version."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    folder = _ROOT / package
    for path in sorted(folder.rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
