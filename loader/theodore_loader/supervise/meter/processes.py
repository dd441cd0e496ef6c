"""The processes of a worker's group, seen from outside, where nothing in the worker can lie about them.

A worker cannot leave its process group (seccomp refuses ``setsid`` and ``setpgid``), nor can what it starts, however
often it forks: the group is the whole tree. ``RLIMIT_NPROC`` is not used: it counts all of a user's processes and
does not bind root. The kernel is asked at intervals, so a shorter burst is not seen; the receipt says so.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from theodore_loader.supervise.meter import readings

MOST_ZOMBIES = 64
"""Children that have ended and nobody waited for, on top of the limit: they cost a process id and nothing else."""
FRESH_SECONDS = 0.05

Look = Callable[[], Mapping[int, bool]]


class GroupTable:
    """Every process here by its group, listed at most once in ``FRESH_SECONDS`` for all workers of a host."""

    def __init__(self) -> None:
        self._listed = -FRESH_SECONDS
        self._groups: dict[int, list[int]] = {}

    def pids(self, group: int) -> list[int]:
        """Return the processes of ``group`` but its leader, a moment ago."""
        now = time.monotonic()
        if now - self._listed >= FRESH_SECONDS:
            self._groups, self._listed = by_group(), now
        return self._groups.get(group, [])


TABLE = GroupTable()
"""Shared: with fifty workers that may start programs, ``/proc`` is still walked once."""


def by_group() -> dict[int, list[int]]:
    """Return group -> its processes but the leader. Raises OSError where there is no ``/proc``."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of names, ten times a second
        if name.isdecimal():
            pid = int(name)
            group = _group(pid)
            if group not in (-1, pid):
                found[group].append(pid)
    return found


def members(group: int) -> dict[int, bool]:
    """Return the processes of ``group`` but its leader, and for each whether it still runs.

    Raises OSError where there is no ``/proc``.
    """
    return running(by_group().get(group, []))


def running(pids: list[int]) -> dict[int, bool]:
    """Return which of ``pids`` exist, and for each whether it still runs (a zombie exists and does not)."""
    states = {pid: readings.process(pid) for pid in pids}
    return {pid: state.runs for pid, state in states.items() if state is not None}


def countable(pid: int) -> bool:
    """Say whether this host sees the process ``pid`` in ``/proc`` (not where it is hidden, nor on other systems)."""
    try:
        return str(pid) in os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return False


def inspectable(pid: int) -> bool:
    """Say whether this host may look at the descriptors of ``pid``, and still will once it is not dumpable: as root."""
    return os.geteuid() == 0 and os.access(f"/proc/{pid}/fd", os.R_OK) if hasattr(os, "geteuid") else False


def excess(look: Look, most: int) -> int:
    """Return how many processes there are at once if they are more than ``most``, else 0.

    What is in two consecutive looks existed at the same time, which what is in one look need not have.
    """
    first = look()
    if not _too_many(first, most):
        return 0
    second = look()
    both = {pid: runs and first[pid] for pid, runs in second.items() if pid in first}
    return len(both) if _too_many(both, most) else 0


def _too_many(found: Mapping[int, bool], most: int) -> bool:
    return sum(found.values()) > most or len(found) > most + MOST_ZOMBIES


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:  # it has ended
        return -1
