"""What each limit means for one worker on this machine, for the load receipt: by which mechanism it holds, or not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from theodore_loader.sandbox.profile import MIB
from theodore_loader.supervise.meter.usage import DiskLimit
from theodore_sdk.info import PluginResourceLimits

_LOOKS = "looked at every 0.1 s while a call or a program runs or a limit is near, else every second"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides how limits are held.

    Attributes:
        visible: this host can read the worker's processes in ``/proc``.
        may_fork: the kernel lets the worker start programs.
        controllers: of the worker's own control group; empty without one.
        grouped: the worker has a control group of its own, be it without controllers.
        system: the operating system, as ``sys.platform`` names it.
        sees_descriptors: this host, run by root, can look at what the worker has open.

    """

    visible: bool
    may_fork: bool
    controllers: frozenset[str] = frozenset()
    grouped: bool = False
    system: str = field(default_factory=lambda: sys.platform)
    sees_descriptors: bool = False

    @property
    def has_rlimits(self) -> bool:
        """Whether a process can be bound by resource limits at all."""
        return self.system != "win32"


def enforcement(limits: PluginResourceLimits, disk: DiskLimit, at: Circumstances) -> tuple[str, ...]:
    """Return a line for each limit that holds, with the mechanism that holds it."""
    lines = [
        _memory(limits, at),
        _cpu(limits, at),
        _processes(limits, at),
        f"max_file_handles: {limits.max_file_handles} and the worker's own, RLIMIT_NOFILE" if at.has_rlimits else "",
        f"max_execution_time_seconds: {limits.max_execution_time_seconds:g} s a call: cancelled, then killed",
        _threads(at),
        _disk(disk) if at.has_rlimits else "",
    ]
    return tuple(line for line in lines if line)


def not_enforced(at: Circumstances) -> tuple[str, ...]:
    """Return a line for each limit, or part of one, that does not hold here."""
    lines = [_uncounted(at)]
    if not at.visible:
        lines += _unseen(at)
    if not at.has_rlimits:
        lines += [f"{name}: there are no resource limits on {at.system}" for name in ("max_file_handles", "threads")]
    if at.may_fork:
        lines.append(_programs(at))
    return tuple(lines)


def _uncounted(at: Circumstances) -> str:
    if not at.has_rlimits:  # nor folders that can be opened one from another, without which a walk can be led astray
        return f"disk: what a plugin's folders hold is not counted on {at.system}"
    hidden = "mapped" if at.sees_descriptors else "open or mapped"
    return f"disk: files that are deleted while they are {hidden} are not counted"


def _disk(limit: DiskLimit) -> str:
    return f"disk: {limit.bytes / MIB:g} MiB, {limit.files} files in the plugin's folders, counted by the host (killed)"


def _unseen(at: Circumstances) -> tuple[str, str]:
    where = "because /proc hides its processes" if at.system.startswith("linux") else f"on {at.system}"
    memory = f"max_memory_mb: the host cannot look at the worker {where}"
    if at.system == "darwin":
        memory += ", and RLIMIT_DATA does not count all of its memory there"
    elif at.has_rlimits:
        memory += "; each process is limited, their sum is not"
    return f"max_cpu_percent: not limited {where}; a call is ended by its deadline", memory


def _threads(at: Circumstances) -> str:
    if "pids" in at.controllers:
        return "threads: pids.max"
    return "threads: as many stacks as max_memory_mb holds" if at.has_rlimits else ""


def _memory(limits: PluginResourceLimits, at: Circumstances) -> str:
    if not at.has_rlimits:
        return ""
    alone = f"max_memory_mb: {limits.max_memory_mb} MiB, RLIMIT_DATA for each process (a MemoryError)"
    if "memory" in at.controllers:
        return f"{alone}; memory.max without swap for all of them (killed)"
    return f"{alone}; for all of them {_LOOKS} (killed)" if at.visible else alone


def _cpu(limits: PluginResourceLimits, at: Circumstances) -> str:
    if "cpu" in at.controllers:
        return f"max_cpu_percent: {limits.max_cpu_percent:g} % of one processor, cpu.max"
    if not at.visible:
        return ""
    how = "the freezer of its control group" if at.grouped else "SIGSTOP and SIGCONT"
    return f"max_cpu_percent: {limits.max_cpu_percent:g} % of one processor over time, held back by the host with {how}"


def _processes(limits: PluginResourceLimits, at: Circumstances) -> str:
    if not at.may_fork:
        linux = at.system.startswith("linux")
        return "max_subprocess_count: none can be started" + (" (seccomp)" if linux else " (audit hook)")
    if not at.visible and not at.grouped:
        return ""
    most = f"max_subprocess_count: {limits.max_subprocess_count}"
    return f"{most}, pids.max and counted by the host" if "pids" in at.controllers else f"{most}, counted by the host"


def _programs(at: Circumstances) -> str:
    if not at.visible and not at.grouped:
        return (
            "max_subprocess_count: the host cannot see processes of the worker; only the worker's own standard"
            " library counts"
        )
    return f"max_subprocess_count: {_LOOKS}; a burst that ends between two looks is not seen"
