"""Validated layers on disk, addressed by the digest of file, label, schema and format."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from theodore_loader import strict_json
from theodore_loader.paths import cache_dir, private_dir
from theodore_loader.policy.layer import Layer
from theodore_loader.policy.schema import schema_bytes
from theodore_loader.regular_file import read_regular

FORMAT = b"policy-layer-3"
"""Raised whenever the meaning of a layer, or the grammar of a pattern, changes."""
MAX_BYTES = 4 * 1024 * 1024


def cached_layer(data: bytes, label: str) -> Layer:
    """Return :func:`read_layer` of the file, from the cache if it was read before."""
    path = cache_dir() / "policies" / f"{_key(data, label)}.json"
    known = _load(path)
    if known is not None:
        return known
    from theodore_loader.policy.layer_reader import read_layer  # the parser and the validator are slow to import

    layer = read_layer(data, label)
    _store(path, strict_json.canonical(layer))
    return layer


def _key(data: bytes, label: str) -> str:
    digest = hashlib.sha256()
    for part in (FORMAT, schema_bytes(), label.encode("utf-8", "surrogateescape"), data):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _load(path: Path) -> Layer | None:
    """Return a cached layer, or ``None`` for anything missing or damaged."""
    try:
        body, _newline, seal = read_regular(path, MAX_BYTES).rpartition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != seal:
            return None
        layer = strict_json.loads(body, max_bytes=MAX_BYTES)
    except (OSError, strict_json.JsonError):
        return None
    return layer if isinstance(layer, dict) else None


def _store(path: Path, body: bytes) -> None:
    """Write atomically; a cache that cannot be written (full disk, read-only home) only costs time."""
    from theodore_loader.whole_file import replace_file  # what it needs is slow to import, and seldom needed

    with contextlib.suppress(OSError):
        private_dir(path.parent)
        replace_file(path, body + b"\n" + hashlib.sha256(body).hexdigest().encode(), flush=False)
