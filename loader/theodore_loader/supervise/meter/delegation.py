"""Where this process may make control groups (cgroup v2). Found out by trying, never by version.

In order: the folder the operator names (``THEODORE_PLUGIN_CGROUP``); the group this process runs in, if it was
delegated to it (``systemd-run --user --scope -p Delegate=yes ...``, ``Delegate=yes`` of a unit, a container's own
tree) or nobody manages the tree (no systemd); the group above it, if that one was delegated (``DelegateSubgroup=``).
There a folder of this host's own holds a group for each worker::

    <delegated>/theodore-plugin.<pid namespace>.<pid>.<start>/worker-1
                                                             /worker-2
                                                             /host        only if this process had to make room

Leftovers of hosts that have died are ended and removed, recognised by process id, start time and pid namespace.

Sources: Documentation/admin-guide/cgroup-v2.rst ("No Internal Process Constraint", "Delegation"), systemd's
CGROUP_DELEGATION ("single-writer rule", ``user.delegate``).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from theodore_loader.supervise.meter.cgroup import Hierarchy, Subtree, dissolve
from theodore_loader.supervise.meter.readings import start_time

VARIABLE = "THEODORE_PLUGIN_CGROUP"
WANTED = ("cpu", "memory", "pids")
_NAME = re.compile(r"theodore-plugin\.(\d+)\.(\d+)\.(\d+)")


def find(hierarchy: Hierarchy, candidates: Iterable[Path], own: Path | None = None) -> Subtree | None:
    """Return a folder of our own in the first of ``candidates`` where one can be made and used.

    ``own`` is the group this process is in: only there may it make room by moving out.
    """
    for parent in candidates:
        clear(hierarchy, parent)
        with contextlib.suppress(OSError):
            return _settled(hierarchy, parent, makes_room=parent == own)
    return None


def candidates(hierarchy: Hierarchy, own: Path | None, named: str | None) -> Iterator[Path]:
    """Yield where a folder of ours would disturb nobody, best first."""
    if named:
        yield Path(named)
        return
    if own is None:
        return
    if hierarchy.is_delegated(own.parent) and not hierarchy.is_delegated(own):
        yield own.parent
    if hierarchy.is_delegated(own) or not hierarchy.is_managed():
        yield own


def own_group(mountinfo: str, cgroup: str) -> Path | None:
    """Return the folder of the group this process is in, from the texts of these two files of ``/proc/self``."""
    place = next((line[3:] for line in cgroup.splitlines() if line.startswith("0::")), None)
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if place is not None and after.startswith("cgroup2 ") and len(fields) > 4:
            return _below(Path(_unescaped(fields[4])), _unescaped(fields[3]), place)
    return None


def clear(hierarchy: Hierarchy, parent: Path) -> None:
    """End and remove what hosts have left in ``parent`` that are no more; never what a living one has there."""
    with contextlib.suppress(OSError):
        for folder in sorted(parent.iterdir()):
            name = _NAME.fullmatch(folder.name)
            if name and int(name[1]) == _namespace() and start_time(int(name[2])) != int(name[3]):
                dissolve(hierarchy, folder)


def _settled(hierarchy: Hierarchy, parent: Path, *, makes_room: bool) -> Subtree:
    folder = parent / f"theodore-plugin.{_namespace()}.{os.getpid()}.{start_time(os.getpid())}"
    with contextlib.suppress(FileExistsError):
        hierarchy.make(folder)
    if hierarchy.is_delegated(parent):  # elsewhere, which controllers there are is somebody else's decision
        _enable(hierarchy, parent, move_to=folder / "host" if makes_room else None)
    usable = _enable(hierarchy, folder)
    return Subtree(folder, usable, hierarchy)


def _enable(hierarchy: Hierarchy, group: Path, move_to: Path | None = None) -> frozenset[str]:
    """Hand the controllers on to the groups inside ``group``; return those that are."""
    offered = set(hierarchy.read(group / "cgroup.controllers").split())
    for name in sorted(offered & set(WANTED)):
        if not _handed_on(hierarchy, group, name) and move_to is not None:
            _move(hierarchy, group, move_to)
            _handed_on(hierarchy, group, name)
    return frozenset(hierarchy.read(group / "cgroup.subtree_control").split()) & set(WANTED)


def _handed_on(hierarchy: Hierarchy, group: Path, controller: str) -> bool:
    if controller in hierarchy.read(group / "cgroup.subtree_control").split():
        return True
    try:
        hierarchy.write(group / "cgroup.subtree_control", f"+{controller}")
    except OSError:  # EBUSY: processes are in it
        return False
    return True


def _move(hierarchy: Hierarchy, group: Path, leaf: Path) -> None:
    """Move every process of ``group`` into ``leaf``: a group that hands on controllers may hold none itself."""
    with contextlib.suppress(FileExistsError):
        hierarchy.make(leaf)
    for pid in hierarchy.read(group / "cgroup.procs").split():
        with contextlib.suppress(OSError):  # it has ended
            hierarchy.write(leaf / "cgroup.procs", pid)


def _below(mount: Path, root: str, place: str) -> Path | None:
    try:
        return mount / PurePosixPath(place).relative_to(root)
    except ValueError:  # mounted from elsewhere than where this process is
        return None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _namespace() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116 - one call
    except OSError:
        return 0
