"""A worker and all it started, read and held back through ``/proc`` and signals: what works on every Linux."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import Protocol

from theodore_loader.supervise.meter import processes, readings
from theodore_loader.supervise.meter.usage import Sample


class Signalled(Protocol):
    """A process whose whole group can be signalled, and nobody else's (``process.WorkerProcess``)."""

    pid: int

    def signal(self, number: int) -> None:
        """Send a signal to it and all it started; no error when it has ended."""


class Group(Protocol):
    """What a meter needs: readings, a count of processes, and a way to hold everything back for a while."""

    def sample(self, *, full: bool) -> Sample:
        """Return what it uses now; ``full`` also asks for what is swapped out, and for the peak."""

    def excess(self, most: int) -> int:
        """Return how many processes it has started that run at once if they are more than ``most``, else 0."""

    def stop(self) -> None:
        """Hold back every process of it."""

    def resume(self) -> None:
        """Let them go on."""

    def close(self) -> None:
        """Release what was kept; nothing of it is left held back."""


class ProcessGroup:
    """A group read process by process.

    Args:
        process: the worker, leader of its group.
        may_fork: whether the kernel lets it start others; where not, ``/proc`` is never walked.

    """

    def __init__(self, process: Signalled, *, may_fork: bool) -> None:
        self._process, self._may_fork = process, may_fork
        self._cpu = _Monotone()
        self._peak = 0

    def sample(self, *, full: bool) -> Sample:
        """Read every process once."""
        pids = self._pids()
        found = {pid: state for pid in pids if (state := readings.process(pid)) is not None}
        runs = sum(state.runs for pid, state in found.items() if pid != self._process.pid)
        used = self._memory(found, full=full)
        self._peak = max(self._peak, used)
        return Sample(
            cpu_seconds=self._cpu.reading(sum(state.cpu_seconds for state in found.values())),
            memory_bytes=used,
            peak_memory_bytes=self._peak,
            threads=sum(state.threads for state in found.values() if state.runs),
            processes=runs,
            zombies=sum(pid != self._process.pid for pid in found) - runs,
        )

    def excess(self, most: int) -> int:
        """Count twice, freshly, if the first count is too high."""
        if not self._may_fork:
            return 0
        return processes.excess(lambda: processes.members(self._process.pid), most)

    def stop(self) -> None:
        """Send SIGSTOP: cannot be caught, nor undone from inside, for all who could are stopped as well."""
        self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        self._process.signal(signal.SIGCONT)

    def close(self) -> None:
        """Nothing is kept."""

    def _pids(self) -> Iterable[int]:
        return (self._process.pid, *(processes.TABLE.pids(self._process.pid) if self._may_fork else ()))

    def _memory(self, pids: Iterable[int], *, full: bool) -> int:
        if not full:
            return sum(map(readings.private_memory, pids))
        found = [readings.memory(pid) for pid in pids]
        self._peak = max(self._peak, max((at.peak for at in found), default=0))
        return sum(at.used for at in found)


class _Monotone:
    """A sum over processes that come and go, kept from falling when one goes whose parent did not wait for it."""

    def __init__(self) -> None:
        self._carried = self._highest = 0.0

    def reading(self, total: float) -> float:
        self._carried += max(0.0, self._highest - (total + self._carried))
        self._highest = total + self._carried
        return self._highest
