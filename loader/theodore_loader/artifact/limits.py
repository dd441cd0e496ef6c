"""How large an archive may be. Bounds hold for what is actually inflated, not only for what is declared."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one archive, in bytes and counts.

    ``ratio`` bounds inflated against stored size of the whole archive; it applies from ``ratio_floor``
    inflated bytes on, because a small file of blanks legitimately compresses a thousandfold.
    """

    archive_bytes: int = 64 * MIB
    total_bytes: int = 256 * MIB
    entry_bytes: int = 64 * MIB
    entries: int = 10_000
    path_bytes: int = 255
    depth: int = 24
    ratio: int = 100
    ratio_floor: int = 8 * MIB


PLUGIN = Limits()
"""A plugin is source code and small data."""

DEPENDENCY = Limits(
    archive_bytes=256 * MIB,
    total_bytes=1024 * MIB,
    entry_bytes=512 * MIB,
    entries=50_000,
)
"""Dependencies may carry compiled libraries, which are larger by nature."""
