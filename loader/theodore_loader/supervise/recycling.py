"""When a worker is replaced although nothing is wrong with it, as the operator asks for."""

from __future__ import annotations

from theodore_loader.supervise.settings import Recycling
from theodore_loader.supervise.tenure import Tenure

_HOUR = 3600.0
_MIB = 1024 * 1024


def due(recycling: Recycling, tenure: Tenure, now: float) -> str | None:
    """Return why the worker is to be replaced, or ``None``."""
    if recycling.calls is not None and tenure.calls >= recycling.calls:
        return f"{tenure.calls} calls"
    if recycling.hours is not None and now - tenure.began >= recycling.hours * _HOUR:
        return f"{(now - tenure.began) / _HOUR:.1f} hours"
    used = None if recycling.memory_mb is None else tenure.memory_bytes
    if recycling.memory_mb is not None and used is not None and used >= recycling.memory_mb * _MIB:
        return f"reaching {used // _MIB} MiB"
    return None
