"""Layer 1: close what was inherited. A descriptor is a grant that no later layer can take back."""

from __future__ import annotations

import os
from collections.abc import Collection

from theodore_loader.sandbox import libc

_LAST = 0x7FFFFFFF


def close_all_except(keep: Collection[int]) -> None:
    """Close every descriptor of this process but ``keep``; what is not open is no error."""
    start = 0
    for kept in sorted(keep):
        _close_range(start, kept - 1)
        start = kept + 1
    _close_range(start, _LAST)


def _close_range(first: int, last: int) -> None:
    if first > last:
        return
    try:
        libc.syscall("close_range", first, last, 0)
    except OSError:
        os.closerange(first, min(last, _highest_possible()) + 1)


def _highest_possible() -> int:
    return os.sysconf("SC_OPEN_MAX")
