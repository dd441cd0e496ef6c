"""What a worker uses, as the host measures it. Nothing here was said by the worker."""

from __future__ import annotations

from dataclasses import dataclass

from theodore_loader.sandbox.profile import MIB


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a worker's processes.

    Attributes:
        cpu_seconds: processor time of all of them since the start, those that have ended included as far as seen.
        memory_bytes: private memory in use (anonymous, shared-memory files, swapped out), summed.
        peak_memory_bytes: the most that has been resident at once, as far as the kernel or the host has seen.
        threads: of all processes.
        processes: those that run, the worker itself not counted.
        zombies: those that have ended and nobody has waited for.

    """

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    peak_memory_bytes: int = 0
    threads: int = 0
    processes: int = 0
    zombies: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """A worker's use of the machine at the last look.

    Attributes:
        cpu_seconds: processor time since the start.
        cpu_percent: of one processor, over about the last second.
        memory_bytes: private memory in use.
        peak_memory_bytes: the most that has been resident.
        threads: of all processes.
        processes: programs and other children that run.
        disk_bytes: blocks allocated in the plugin's folders when they were last counted.
        disk_files: files and folders there.
        throttled_seconds: how long it has been held back for its ``max_cpu_percent``.

    """

    cpu_seconds: float = 0.0
    cpu_percent: float = 0.0
    memory_bytes: int = 0
    peak_memory_bytes: int = 0
    threads: int = 0
    processes: int = 0
    disk_bytes: int = 0
    disk_files: int = 0
    throttled_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DiskLimit:
    """What a plugin's ``data``, ``cache`` and ``tmp`` may hold together; the operator's choice, not the plugin's.

    Attributes:
        bytes: allocated blocks; a hole in a sparse file takes none.
        files: files, folders and everything else with a name.
        depth: folders inside each other. Deeper trees are slow to look at and to remove.

    """

    bytes: int = 512 * MIB
    files: int = 50_000
    depth: int = 64
