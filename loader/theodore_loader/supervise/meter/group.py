"""A worker and all it started, read and held back through ``/proc`` and signals: what works on every Linux."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import Protocol

from theodore_loader.supervise.meter import processes, readings
from theodore_loader.supervise.meter.cgroup import WorkerGroup
from theodore_loader.supervise.meter.usage import Sample


class Signalled(Protocol):
    """A process whose whole group can be signalled, and nobody else's (``process.WorkerProcess``)."""

    pid: int

    def signal(self, number: int) -> None:
        """Send a signal to it and all it started; no error when it has ended."""


class Group(Protocol):
    """What a meter needs: readings, a count of processes, and a way to hold everything back for a while.

    Attributes:
        controllers: of the control group; with ``cpu``, the kernel keeps the share and nothing need be held back.
        grouped: there is a control group.

    """

    controllers: frozenset[str]
    grouped: bool

    def sample(self, *, full: bool) -> Sample:
        """Return what it uses now; ``full`` also asks for what is swapped out, and for the peak."""

    def excess(self, most: int) -> int:
        """Return how many processes it has started that run at once if they are more than ``most``, else 0."""

    def unlinked_bytes(self) -> int:
        """Return what its open files without a name take on disk, as far as that can be seen."""

    def throttled_seconds(self) -> float:
        """Return for how long the kernel has held it back."""

    def cause(self) -> str:
        """Return the limit for which the kernel has ended it, if it has."""

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

    controllers: frozenset[str] = frozenset()
    grouped = False

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
            cpu_seconds=self._cpu_seconds(found.values()),
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

    def unlinked_bytes(self) -> int:
        """Look at every process; what two of them hold counts twice."""
        return sum(map(readings.unlinked_bytes, self._pids()))

    def throttled_seconds(self) -> float:
        """Return 0: no kernel holds anything back."""
        return 0.0

    def cause(self) -> str:
        """Return nothing: the kernel ends nobody for a limit of the whole group."""
        return ""

    def stop(self) -> None:
        """Send SIGSTOP: cannot be caught, nor undone from inside, for all who could are stopped as well."""
        self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        self._process.signal(signal.SIGCONT)

    def close(self) -> None:
        """Nothing is kept."""

    def _cpu_seconds(self, found: Iterable[readings.Process]) -> float:
        return self._cpu.reading(sum(state.cpu_seconds for state in found))

    def _pids(self) -> Iterable[int]:
        return (self._process.pid, *(processes.TABLE.pids(self._process.pid) if self._may_fork else ()))

    def _memory(self, pids: Iterable[int], *, full: bool) -> int:
        if not full:
            return sum(map(readings.private_memory, pids))
        found = [readings.memory(pid) for pid in pids]
        self._peak = max(self._peak, max((at.peak for at in found), default=0))
        return sum(at.used for at in found)


class GroupedProcesses(ProcessGroup):
    """A group in a control group of its own: nothing that ever ran in it is missed, and it stops all at once."""

    grouped = True

    def __init__(self, process: Signalled, held: WorkerGroup, *, may_fork: bool) -> None:
        super().__init__(process, may_fork=may_fork)
        self._held = held
        self.controllers = held.controllers

    def throttled_seconds(self) -> float:
        """Ask the control group."""
        return self._held.throttled_seconds()

    def cause(self) -> str:
        """Return ``max_memory_mb`` when the kernel has ended it for ``memory.max``."""
        return "max_memory_mb" if self._held.killed_for_memory() else ""

    def stop(self) -> None:
        """Freeze it: unlike a signal, no process in it can notice."""
        self._held.freeze(True)

    def resume(self) -> None:
        """Thaw it."""
        self._held.freeze(False)

    def close(self) -> None:
        """Kill what is left in it and remove it."""
        self._held.end()

    def _cpu_seconds(self, found: Iterable[readings.Process]) -> float:
        return self._held.cpu_seconds()


class _Monotone:
    """A sum over processes that come and go, kept from falling when one goes whose parent did not wait for it."""

    def __init__(self) -> None:
        self._carried = self._highest = 0.0

    def reading(self, total: float) -> float:
        self._carried += max(0.0, self._highest - (total + self._carried))
        self._highest = total + self._carried
        return self._highest
