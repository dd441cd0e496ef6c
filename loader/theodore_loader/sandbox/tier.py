"""What this machine offers: asked of the kernel by trying, never derived from a version."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import IntEnum

from theodore_loader.sandbox import landlock, libc, rlimits, seccomp


class Tier(IntEnum):
    """How strongly a process is held; a higher tier includes the lower ones.

    ``NONE``: nothing. ``BASIC``: its own process, resource limits, empty environment, audit hook. ``STANDARD``: also
    no_new_privs and no capabilities, Landlock and seccomp: the kernel holds when the hook is fooled.
    """

    NONE = 0
    BASIC = 1
    STANDARD = 2


@dataclass(frozen=True, slots=True)
class Availability:
    """What a process on this machine could reach; ``reasons`` says what is missing for ``STANDARD``."""

    landlock_abi: int
    seccomp: bool
    rlimits: bool
    tier: Tier
    reasons: tuple[str, ...]


def available() -> Availability:
    """Ask the operating system. Changes nothing and may be called in a threaded host."""
    version, filters, limits = landlock.abi(), seccomp.available(), rlimits.available()
    return Availability(version, filters, limits, _reachable(version, filters, limits), _reasons(version, filters))


def _reachable(version: int, filters: bool, limits: bool) -> Tier:
    if version and filters and limits:
        return Tier.STANDARD
    return Tier.BASIC if limits else Tier.NONE


def _reasons(version: int, filters: bool) -> tuple[str, ...]:
    if not sys.platform.startswith("linux"):
        return (f"Landlock and seccomp are Linux features; this is {sys.platform}",)
    if libc.machine() is None:
        return ("the system call numbers of this processor architecture are not known",)
    reasons = []
    if not version:
        reasons.append("the kernel offers no Landlock (Linux 5.13 or later, with landlock in its lsm= list)")
    if not filters:
        reasons.append("the kernel, or the container it runs in, offers no seccomp filters")
    return tuple(reasons)
