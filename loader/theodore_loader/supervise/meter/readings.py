"""What ``/proc`` tells about processes (proc_pid_stat(5), proc_pid_status(5)).

Readable for a worker that is not dumpable, too. A process that has ended reads as ``None``. Numbers are the
kernel's: no process can write them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass

_TICK = 1.0 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_ENDED = (b"Z", b"X")
_MEMORY = {b"RssAnon": True, b"RssShmem": True, b"VmSwap": True, b"VmHWM": False}


@dataclass(frozen=True, slots=True)
class Process:
    """One process: whether it runs, processor time of it and of the children it has waited for, threads."""

    runs: bool
    cpu_seconds: float
    threads: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Private memory in use and the peak of all resident memory, in bytes."""

    used: int
    peak: int


def process(pid: int) -> Process | None:
    """Return what the kernel knows about ``pid``, or ``None`` when it has been reaped or is hidden."""
    text = _read(f"/proc/{pid}/stat")
    return None if text is None else parse_stat(text)


def parse_stat(text: bytes) -> Process | None:
    """Read the line of ``/proc/<pid>/stat``. The name in it is the process's own choice and may hold parentheses."""
    fields = text.rpartition(b")")[2].split()
    try:
        times = sum(map(int, fields[11:15]))
        return Process(fields[0] not in _ENDED, times * _TICK, int(fields[17]))
    except (IndexError, ValueError):
        return None


def private_memory(pid: int) -> int:
    """Return resident memory that is no file's, cheaply (shared-memory files and swap are left out)."""
    text = _read(f"/proc/{pid}/statm")
    try:
        _size, resident, shared, *_ = (text or b"").split()
        return max(0, int(resident) - int(shared)) * _PAGE
    except ValueError:
        return 0


def memory(pid: int) -> Memory:
    """Return memory in full, from ``/proc/<pid>/status``; zeros for a process that has ended."""
    text = _read(f"/proc/{pid}/status") or b""
    used = peak = 0
    for line in text.splitlines():
        name, _, value = line.partition(b":")
        if name in _MEMORY:
            size = _kibibytes(value)
            used, peak = (used + size, peak) if _MEMORY[name] else (used, size)
    return Memory(used, peak)


def _kibibytes(value: bytes) -> int:
    number = value.split()[0] if value.split() else b""
    return int(number) * 1024 if number.isdigit() else 0


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, 8192)
    except OSError:  # it ended in between
        return None
    finally:
        os.close(descriptor)


def unlinked_bytes(pid: int) -> int:
    """Return what files take that a process holds open and that have no name any more.

    0 where its descriptors may not be looked at: those of a process that is not dumpable are root's to see.
    """
    sizes = {}
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - bounded by the process's descriptors
            with contextlib.suppress(OSError):
                status = os.stat(f"/proc/{pid}/fd/{name}")  # noqa: PTH116 - opens nothing
                if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                    sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; -1 where there is none."""
    try:
        return int((_read(f"/proc/{pid}/stat") or b"").rpartition(b")")[2].split()[19])
    except (IndexError, ValueError):
        return -1
