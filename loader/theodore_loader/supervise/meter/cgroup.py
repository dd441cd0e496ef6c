"""Control groups (cgroup v2): a folder of this host's own, and in it a group for each worker.

A controller (``memory``, ``cpu``, ``pids``) is used if it is there; even without any, a group counts the processor time
of everything that ever ran in it, stops all of it at once (``cgroup.freeze``) and ends all of it (``cgroup.kill``).
Where such a folder can be made is found out in ``delegation.py``.

Source: Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from theodore_loader.sandbox.profile import MIB
from theodore_sdk.info import PluginResourceLimits

ALLOWANCE = 64 * MIB
"""On top of ``max_memory_mb``, so that a plugin meets a MemoryError of its own before the kernel ends it."""
TASKS = 512
"""Threads and processes of a worker without programs; each allowed program adds as many as :data:`TASKS_A_PROGRAM`."""
TASKS_A_PROGRAM = 32
PERIOD = 100_000
_SYSTEMD = Path("/run/systemd/system")


class Hierarchy:
    """The operations on a mounted cgroup v2 file system."""

    def make(self, path: Path) -> None:
        """Make a group. Raises OSError."""
        path.mkdir()

    def remove(self, path: Path) -> None:
        """Remove an empty group. Raises OSError."""
        path.rmdir()

    def read(self, path: Path) -> str:
        """Return a file's text, nothing where there is none."""
        try:
            return path.read_text("ascii", "replace")
        except OSError:
            return ""

    def write(self, path: Path, value: str) -> None:
        """Write to a file of a group. Raises OSError."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)

    def is_delegated(self, path: Path) -> bool:
        """Say whether a manager has handed this group to us.

        systemd marks what it has, and all else below it is its own, whoever owns the files. Without it, it is the group
        a container sees as its root (the root of the whole tree has no type), or one given to our ordinary user.
        """
        for mark in ("user.delegate", "trusted.delegate"):
            with contextlib.suppress(OSError, AttributeError):
                if os.getxattr(path, mark) == b"1":
                    return True
        if self.is_managed():
            return False
        return _is_containers_root(path) or _is_given_to_us(path)

    def is_managed(self) -> bool:
        """Say whether somebody else manages the tree, who must not be disturbed where nothing was delegated."""
        return _SYSTEMD.exists()


class Subtree:
    """The folder of this host in a delegated group."""

    def __init__(self, path: Path, controllers: frozenset[str], hierarchy: Hierarchy) -> None:
        self.path, self.controllers = path, controllers
        self._hierarchy = hierarchy
        self._maker = os.getpid()
        self._numbers = count(1)
        self._ended: set[Path] = set()

    def worker(self, pid: int, limits: PluginResourceLimits) -> WorkerGroup:
        """Make a group with these limits and move process ``pid`` into it.

        Raises:
            OSError: that is not possible (any more); nothing is left behind.

        """
        self.sweep()
        group = WorkerGroup(self, self.path / f"worker-{next(self._numbers)}", self._hierarchy)
        self._hierarchy.make(group.path)
        try:
            for name, value in self._settings(limits):
                self._hierarchy.write(group.path / name, value)
            self._hierarchy.write(group.path / "cgroup.procs", str(pid))
        except OSError:
            group.end()
            raise
        return group

    def retire(self, path: Path) -> None:
        """Remember a group that has been ended and goes as soon as its processes have."""
        self._ended.add(path)

    def sweep(self) -> bool:
        """Remove the groups whose processes are gone; return whether none is left."""
        for path in list(self._ended):
            with contextlib.suppress(OSError):
                self._hierarchy.remove(path)
            if not path.exists():
                self._ended.discard(path)
        return not self._ended

    def close(self) -> None:
        """End whatever is left and remove what can be removed; the rest goes with the next host that looks.

        A fork of this process, which inherits the object and its exit handlers, ends nothing.
        """
        if os.getpid() == self._maker:
            dissolve(self._hierarchy, self.path)

    def _settings(self, limits: PluginResourceLimits) -> Iterator[tuple[str, str]]:
        if "memory" in self.controllers:
            yield "memory.max", str(limits.max_memory_mb * MIB + ALLOWANCE)
            yield "memory.swap.max", "0"
            yield "memory.oom.group", "1"
        if "cpu" in self.controllers:
            yield "cpu.max", f"{max(1000, int(limits.max_cpu_percent / 100 * PERIOD))} {PERIOD}"
        if "pids" in self.controllers:
            yield "pids.max", str(TASKS + TASKS_A_PROGRAM * limits.max_subprocess_count)


class WorkerGroup:
    """One worker's control group."""

    def __init__(self, subtree: Subtree, path: Path, hierarchy: Hierarchy) -> None:
        self.path, self.controllers = path, subtree.controllers
        self._subtree, self._hierarchy = subtree, hierarchy

    def cpu_seconds(self) -> float:
        """Return the processor time of everything that ever ran in it."""
        return self._cpu_stat("usage_usec") / 1e6

    def throttled_seconds(self) -> float:
        """Return for how long ``cpu.max`` has held it back."""
        return self._cpu_stat("throttled_usec") / 1e6

    def killed_for_memory(self) -> bool:
        """Say whether the kernel has ended something in it for ``memory.max``."""
        return _field(self._hierarchy.read(self.path / "memory.events"), "oom_kill") > 0

    def freeze(self, frozen: bool) -> None:
        """Stop everything in it, or let it go on; no error when the group is gone."""
        with contextlib.suppress(OSError):
            self._hierarchy.write(self.path / "cgroup.freeze", "1" if frozen else "0")

    def end(self) -> None:
        """Kill everything in it, frozen or not, forked a moment ago or not; remove it, now or later."""
        with contextlib.suppress(OSError):
            self._hierarchy.write(self.path / "cgroup.kill", "1")
        self._subtree.retire(self.path)
        self._subtree.sweep()

    def _cpu_stat(self, name: str) -> int:
        return _field(self._hierarchy.read(self.path / "cpu.stat"), name)


def dissolve(hierarchy: Hierarchy, folder: Path) -> None:
    """End every worker in a host's folder, and remove what can be removed by now."""
    for group in sorted(folder.glob("worker-*")):
        with contextlib.suppress(OSError):
            hierarchy.write(group / "cgroup.kill", "1")
        with contextlib.suppress(OSError):
            hierarchy.remove(group)
    with contextlib.suppress(OSError):
        hierarchy.remove(folder)


def _is_containers_root(path: Path) -> bool:
    return os.path.ismount(path) and (path / "cgroup.type").exists()


def _is_given_to_us(path: Path) -> bool:
    try:
        return os.geteuid() != 0 and (path / "cgroup.procs").stat().st_uid == os.geteuid()
    except OSError:
        return False


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0
