"""Count a worker's processes from outside, where nothing in the worker can lie about them.

A worker cannot leave its process group (seccomp refuses ``setsid`` and ``setpgid``), nor can what it starts, however
often it forks: the group is the whole tree. ``RLIMIT_NPROC`` is not used: it counts all of a user's processes and
does not bind root. The kernel is asked at intervals, so a shorter burst is not seen; the receipt says so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

INTERVAL_SECONDS = 0.1
MOST_ZOMBIES = 64
"""Children that have ended and nobody waited for, on top of the limit: they cost a process id and nothing else."""


def members(group: int) -> dict[int, bool]:
    """Return the processes of ``group`` but its leader, and for each whether it still runs.

    Raises OSError where there is no ``/proc``.
    """
    found: dict[int, bool] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - thousands of names, ten times a second
        if name.isdecimal() and int(name) != group and _group(int(name)) == group:
            found[int(name)] = _runs(int(name))
    return found


def countable(pid: int) -> bool:
    """Say whether this host sees the process ``pid`` in ``/proc`` (not where it is hidden, nor on other systems)."""
    try:
        return str(pid) in os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return False


def excess(group: int, most: int) -> int:
    """Return how many processes ``group`` has at once if they are more than ``most``, else 0.

    What is in two consecutive looks existed at the same time, which what is in one look need not have.
    """
    if not _too_many(members(group), most):
        return 0
    first = members(group)
    second = members(group)
    both = {pid: runs and first[pid] for pid, runs in second.items() if pid in first}
    return len(both) if _too_many(both, most) else 0


def _too_many(found: dict[int, bool], most: int) -> bool:
    return sum(found.values()) > most or len(found) > most + MOST_ZOMBIES


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:  # it has ended
        return -1


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            state = file.read(4096).rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in (b"Z", b"X")


class ProcessCount:
    """Looks at a worker's group at intervals, and calls ``exceeded`` once with the count when it is too high."""

    def __init__(self, group: int, most: int, exceeded: Callable[[int], None]) -> None:
        self._group, self._most, self._exceeded = group, most, exceeded
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(INTERVAL_SECONDS, self._look)

    def stop(self) -> None:
        """Stop looking."""
        self._next.cancel()

    def _look(self) -> None:
        count = excess(self._group, self._most)
        if count:
            self._exceeded(count)
        else:
            self._next = self._loop.call_later(INTERVAL_SECONDS, self._look)
