"""Why a worker was ended, in words: what happened, and what to do about it."""

from __future__ import annotations

from theodore_loader.errors import LimitExceeded
from theodore_loader.sandbox.profile import MIB


def memory(plugin: str, used: int, limit: int) -> LimitExceeded:
    """Return the reason of a worker that, with what it started, uses more than ``limit`` MiB."""
    return LimitExceeded(
        "max_memory_mb",
        f"{plugin}: the worker was killed: it and what it started use {used / MIB:.0f} MiB, max_memory_mb is {limit}",
        help="raise max_memory_mb if the plugin may do that; what its programs use counts too, while an allocation"
        " that is too large for one process alone is refused with a MemoryError instead",
    )


def killed_for_memory(plugin: str, limit: int) -> LimitExceeded:
    """Return the reason of a worker that the kernel has ended for its control group's ``memory.max``."""
    return LimitExceeded(
        "max_memory_mb",
        f"{plugin}: the kernel ended the worker: it and what it started passed memory.max (max_memory_mb is {limit})",
        help="raise max_memory_mb if the plugin may do that; what its programs use counts too",
    )


def processes(plugin: str, count: int, most: int) -> LimitExceeded:
    """Return the reason of a worker that runs too many processes at once."""
    return LimitExceeded(
        "max_subprocess_count",
        f"{plugin}: the worker was killed: {count} processes at once, max_subprocess_count is {most}",
        help="raise max_subprocess_count if the plugin may do that; what its programs start counts too",
    )


def disk(plugin: str, problem: str) -> LimitExceeded:
    """Return the reason of a worker whose plugin's folders hold more than they may."""
    return LimitExceeded(
        "disk",
        f"{plugin}: the worker was killed: its folders hold {problem}",
        help="have the plugin remove what it no longer needs, or raise the host's disk limit (PluginHost(disk=...))",
    )
