"""How a worker is read and held back here: in a control group of its own, or through ``/proc`` and signals."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import sys
from pathlib import Path

from theodore_loader.supervise.meter import delegation
from theodore_loader.supervise.meter.cgroup import Hierarchy, Subtree, WorkerGroup
from theodore_loader.supervise.meter.group import GroupedProcesses, ProcessGroup, Signalled
from theodore_sdk.info import PluginResourceLimits


async def group_for(process: Signalled, limits: PluginResourceLimits, *, may_fork: bool) -> ProcessGroup:
    """Return how to meter a worker that has just been started and has been sent nothing.

    A group without controllers is worth its price (moving a process can take ten milliseconds) for a worker that may
    start programs: theirs is the processor time that a look at ``/proc`` can miss.
    """
    found = subtree(os.getpid()) if sys.platform.startswith("linux") else None
    if found is not None and (found.controllers or may_fork):
        with contextlib.suppress(OSError):  # taken away since: what works everywhere is used
            return GroupedProcesses(process, await _joined(found, process.pid, limits), may_fork=may_fork)
    return ProcessGroup(process, may_fork=may_fork)


async def _joined(found: Subtree, pid: int, limits: PluginResourceLimits) -> WorkerGroup:
    """Make the group in a thread; one that is made after its host has stopped waiting is ended."""
    making = asyncio.get_running_loop().run_in_executor(None, found.worker, pid, limits)
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_end)
        raise


def _end(made: asyncio.Future[WorkerGroup]) -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().end()


@functools.cache
def subtree(pid: int) -> Subtree | None:
    """Return the folder of control groups of this process ``pid``, looked for once; ``None`` where there is none."""
    hierarchy = Hierarchy()
    own = delegation.own_group(_text("mountinfo"), _text("cgroup"))
    named = os.environ.get(delegation.VARIABLE)
    found = delegation.find(hierarchy, delegation.candidates(hierarchy, own, named), own)
    if found is not None:
        atexit.register(found.close)
    return found


def _text(name: str) -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/self", name).read_text("utf-8", "surrogateescape")
    return ""
