"""Workers from a zygote: a process that has imported everything already and forks. See ``worker/zygote.py``.

One zygote serves until it has forked often enough, is old enough, or a worker of it has ended in a way that memory
errors end: then a new one serves new workers, with an address layout of its own, and the old one stays for those it
has. One that dies takes its workers along, and the next launch makes another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from theodore_loader.errors import WorkerCrashed
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise import runtime_use
from theodore_loader.supervise.launch import Ends, Launcher, Spawner
from theodore_loader.supervise.process import WorkerProcess
from theodore_loader.supervise.zygote_process import ZygoteGone, ZygoteProcess

MOST_FORKS = 1000
MOST_SECONDS = 24 * 3600.0

_log = logging.getLogger("theodore_loader.zygote")


def launcher_for(runtime: Path, tier: Tier) -> Launcher:
    """Return what starts workers of ``tier`` on this machine; where it is no zygote, the receipts say why."""
    reason = "an isolated worker shares no memory layout" if tier > Tier.STANDARD else why_not()
    return Spawner(runtime, reason=reason) if reason else Zygote(runtime)


def why_not() -> str:
    """Return why there can be no zygote on this machine, or nothing."""
    needed = ((os, "fork"), (os, "pidfd_open"), (signal, "pidfd_send_signal"), (socket, "send_fds"))
    for module, name in needed:
        if not hasattr(module, name):
            return f"{sys.platform} has no {name}"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as problem:
        return f"this kernel or container refuses pidfd_open: {problem.strerror}"
    return ""


class Zygote:
    """A launcher that forks. Bound to the event loop of its first launch.

    Args:
        runtime: the folder a worker imports from.
        interpreter: the Python to start; default: the running one.
        most_forks: workers of one zygote.
        most_seconds: time after which a zygote gets no new workers.

    """

    def __init__(
        self,
        runtime: Path,
        *,
        interpreter: str = sys.executable,
        most_forks: int = MOST_FORKS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self.runtime = runtime
        self._interpreter = interpreter
        self._most_forks = most_forks
        self._most_seconds = most_seconds
        self._current: ZygoteProcess | None = None
        self._former: list[ZygoteProcess] = []
        self._in_use: int | None = None
        self._closed = False

    async def launch(self, folder: Path) -> tuple[WorkerProcess, Ends]:
        """Fork a worker. See :meth:`Launcher.launch`."""
        try:
            return await (await self._ready()).fork(folder)
        except ZygoteGone:
            return await (await self._ready()).fork(folder)

    async def close(self) -> None:
        """End the zygotes, and every worker that is left."""
        self._closed = True
        everyone = [*self._former, *([self._current] if self._current is not None else [])]
        self._former, self._current = [], None
        await asyncio.gather(*(zygote.close() for zygote in everyone))
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None

    @property
    def pid(self) -> int | None:
        """The process id of the zygote that serves now."""
        return None if self._current is None else self._current.pid

    def prepare(self) -> None:
        """Start a zygote, unless there is one that can fork."""
        self._serving()

    async def _ready(self) -> ZygoteProcess:
        await self._forget_ended()
        serving = self._serving()
        await serving.started()
        return serving

    def _serving(self) -> ZygoteProcess:
        if self._closed:
            raise WorkerCrashed("this host is closed", help="make a new PluginHost")
        if self._current is not None and self._is_spent(self._current):
            self._current.retire()
            self._former.append(self._current)
            self._current = None
        if self._in_use is None:
            self._in_use = runtime_use.hold(self.runtime)
        if self._current is None:
            self._current = ZygoteProcess(self.runtime, self._interpreter, line=_report)
        return self._current

    def _is_spent(self, zygote: ZygoteProcess) -> bool:
        age = asyncio.get_running_loop().time() - zygote.born
        return not zygote.is_running() or zygote.suspect or zygote.forks >= self._most_forks or age > self._most_seconds

    async def _forget_ended(self) -> None:
        ended = [zygote for zygote in self._former if not zygote.is_running()]
        self._former = [zygote for zygote in self._former if zygote not in ended]
        await asyncio.gather(*(zygote.close() for zygote in ended))


def _report(line: str) -> None:
    _log.warning("%s", line)
