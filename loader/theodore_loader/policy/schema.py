"""The published schema of policy files, and how large such a file may be."""

from __future__ import annotations

from functools import cache

from theodore_loader.data import policies_dir

MAX_BYTES = 256 * 1024
"""A larger policy file is refused unread."""


@cache
def schema_bytes() -> bytes:
    """Return ``policies/schemas/policy.schema.json``."""
    return (policies_dir() / "schemas" / "policy.schema.json").read_bytes()
