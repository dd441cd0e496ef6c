"""When a worker is replaced although nothing is wrong with it, as the operator asks for."""

from __future__ import annotations

from theodore_loader.supervise.settings import Recycling
from theodore_loader.supervise.tenure import Tenure

_HOUR = 3600.0
_MIB = 1024 * 1024


def due(recycling: Recycling, tenure: Tenure, now: float, memory_bytes: int | None) -> str | None:
    """Return why the worker is to be replaced, or ``None``; ``memory_bytes`` is ``None`` where it cannot be seen."""
    if recycling.calls is not None and tenure.calls >= recycling.calls:
        return f"{tenure.calls} calls"
    if recycling.hours is not None and now - tenure.began >= recycling.hours * _HOUR:
        return f"{(now - tenure.began) / _HOUR:.1f} hours"
    if recycling.memory_mb is not None and memory_bytes is not None and memory_bytes >= recycling.memory_mb * _MIB:
        return f"{memory_bytes // _MIB} MiB"
    return None
