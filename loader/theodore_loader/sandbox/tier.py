"""What this machine offers: asked of the kernel by trying, never derived from a version."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from enum import IntEnum

from theodore_loader.sandbox import landlock, libc, rlimits, seccomp


class Tier(IntEnum):
    """How strongly a process is held; a higher tier includes the lower ones.

    ``NONE``: nothing. ``BASIC``: its own process, resource limits, empty environment, audit hook. ``STANDARD``: also
    no_new_privs and no capabilities, Landlock and seccomp: the kernel holds when the hook is fooled. ``ISOLATED``:
    also namespaces: files outside the grants do not exist, and its temporary folder is memory of limited size.
    """

    NONE = 0
    BASIC = 1
    STANDARD = 2
    ISOLATED = 3


@dataclass(frozen=True, slots=True)
class Availability:
    """What a process on this machine could reach; ``reasons`` says what is missing for the tier asked about."""

    landlock_abi: int
    seccomp: bool
    rlimits: bool
    tier: Tier
    reasons: tuple[str, ...]


@functools.cache
def available(wanted: Tier = Tier.STANDARD) -> Availability:
    """Ask the operating system, once in a process and its forks. Changes nothing; a threaded host may call it.

    An answer that is no longer true harms nobody: a layer that cannot be put in place ends the process. Above
    ``STANDARD`` is looked for only if ``wanted``: that takes one short process.
    """
    version, filters, limits = landlock.abi(), seccomp.available(), rlimits.available()
    tier, reasons = _reachable(version, filters, limits), _reasons(version, filters)
    if wanted > Tier.STANDARD and tier is Tier.STANDARD:
        refusal = namespaces_refused()
        tier, reasons = (Tier.STANDARD, (refusal,)) if refusal else (Tier.ISOLATED, ())
    return Availability(version, filters, limits, tier, reasons)


@functools.cache
def namespaces_refused() -> str:
    """Return why a process here gets no namespaces of its own, "" when it does: found by one that tries, and ends."""
    import subprocess
    from pathlib import Path

    loader = str(Path(__file__).resolve().parents[2])
    code = f"import sys; sys.path.append({loader!r}); from theodore_loader.sandbox.namespaces import probe; probe()"
    argv = [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", code]
    try:
        tried = subprocess.run(argv, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as problem:
        return f"no process could be started to try namespaces in: {problem}"
    if tried.returncode:
        return f"the process that tried namespaces ended with status {tried.returncode}"
    return tried.stdout.decode("utf-8", "replace").strip()


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
