"""Hold a running worker to its limits from outside: processor time, memory, processes, disk.

One timer a worker: ten looks a second while a call runs or a limit is near, one when nothing happens. A worker that
uses more processor time than its share is held back for moments, and one that is to stop something is let run for its
grace (:meth:`Meter.ease`); one that passes another limit is ended through ``over``. Whatever happens,
:meth:`Meter.stop` leaves no process held back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from theodore_loader.errors import LoaderError
from theodore_loader.sandbox.profile import MIB
from theodore_loader.supervise.meter import processes, reasons, statement
from theodore_loader.supervise.meter.bucket import BURST_SECONDS, MIN_RUN_SECONDS, CpuBucket
from theodore_loader.supervise.meter.disk import DiskWatch
from theodore_loader.supervise.meter.group import Group, ProcessGroup, Signalled
from theodore_loader.supervise.meter.usage import DiskLimit, Sample, Usage
from theodore_sdk.info import PluginResourceLimits

BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
FULL_EVERY = 10
"""Swap, peak and nameless files are looked at in every tenth look of a busy worker."""
ALLOWANCE = 32 * MIB
"""On top of ``max_memory_mb``: stacks, and pages shared with the process a worker was forked from."""
NEAR = 0.75


class Meter:
    """Measures one worker and holds it to ``limits``. Use it from the event loop's thread only.

    Args:
        process: the worker; leader of its process group.
        name: the plugin's, for messages.
        limits: what it may use.
        folders: its own folders; empty where they need not be watched.
        disk: what these may hold.
        may_fork: whether the kernel lets it start processes.
        over: called once with the reason when the worker must be ended; it has to end it.
        group: how it is read and held back; default: ``/proc`` and signals.

    """

    def __init__(
        self,
        process: Signalled,
        name: str,
        limits: PluginResourceLimits,
        folders: Mapping[str, Path],
        *,
        disk: DiskLimit,
        may_fork: bool,
        over: Callable[[LoaderError], None],
        group: Group | None = None,
    ) -> None:
        self._name, self._limits, self._over = name, limits, over
        self._group = group or ProcessGroup(process, may_fork=may_fork)
        self._at = statement.Circumstances(
            visible=processes.countable(process.pid),
            may_fork=may_fork,
            controllers=self._group.controllers,
            grouped=self._group.grouped,
            sees_descriptors=processes.inspectable(process.pid),
        )
        self._slows = self._at.visible and "cpu" not in self._group.controllers
        self._allowed_disk = disk
        self._disk = DiskWatch(folders, disk)
        self._loop = asyncio.get_running_loop()
        self._bucket = CpuBucket(limits.max_cpu_percent / 100, self._loop.time())
        self._sample = Sample()
        self._rate = _Rate()
        self._looks = 0
        self._unlinked = 0
        self._busy = False
        self._is_far = False
        self._paused_at: float | None = None
        self._eased_until = 0.0
        self._throttled = 0.0
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(BUSY_SECONDS, self._look)

    def busy(self, busy: bool) -> None:
        """Say whether a call is running: then it is looked at ten times a second."""
        if busy and self._is_far and not self._busy and self._timer is not None and self._paused_at is None:
            soon = self._loop.time() + BUSY_SECONDS
            if self._timer.when() > soon:
                self._schedule(BUSY_SECONDS)
        self._busy = busy

    def ease(self, seconds: float) -> None:
        """Hold nothing back for a while, so that a cancelled call can stop; what is used is charged all the same."""
        self._eased_until = self._loop.time() + seconds
        if self._resume():
            self._schedule(BUSY_SECONDS)

    @property
    def throttled(self) -> bool:
        """Whether the worker is being held back, now or within the last second: slow, not ill."""
        return self._paused_at is not None or self._bucket.tokens < BURST_SECONDS / 4

    def usage(self) -> Usage:
        """Return what the last look saw."""
        sample, held = self._sample, self._disk.held
        now = self._loop.time()
        return Usage(
            cpu_seconds=sample.cpu_seconds,
            cpu_percent=self._rate.percent,
            memory_bytes=sample.memory_bytes,
            peak_memory_bytes=sample.peak_memory_bytes,
            threads=sample.threads,
            processes=sample.processes,
            disk_bytes=held.bytes + self._unlinked,
            disk_files=held.files,
            throttled_seconds=self._throttled_seconds(now),
        )

    def cause(self) -> LoaderError | None:
        """Return the limit for which the kernel has ended the worker, if it has; ask before :meth:`stop`."""
        if self._timer is not None and self._group.cause():
            return reasons.killed_for_memory(self._name, self._limits.max_memory_mb)
        return None

    def enforcement(self) -> tuple[str, ...]:
        """Return how each limit is held on this machine."""
        return statement.enforcement(self._limits, self._allowed_disk, self._at)

    def not_enforced(self) -> tuple[str, ...]:
        """Return what is not held on this machine."""
        return statement.not_enforced(self._at)

    def stop(self) -> None:
        """Stop measuring; what is held back goes on. May be called twice, and after the worker has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._resume()
            self._disk.close()
            self._group.close()

    # looking

    def _look(self) -> None:
        """Read, judge, and hold the worker back or look again when something could have changed."""
        now = self._loop.time()
        rested = self._resume()
        self._read(now)
        if problem := self._passed(now):
            self._timer = self._loop.call_later(IDLE_SECONDS, self._look)  # stop() follows from what over() does
            self._over(problem)
            return
        if self._slows:
            self._bucket.charge(now, self._sample.cpu_seconds)
        if not rested and now >= self._eased_until and (pause := self._bucket.pause()):
            self._paused_at = now
            self._group.stop()
            self._schedule(pause)
        else:
            self._schedule(self._interval())

    def _read(self, now: float) -> None:
        """Take a sample where that can be done. A host that is out of descriptors for a moment looks again later."""
        if not self._at.visible:
            return
        self._looks += 1
        with contextlib.suppress(OSError):
            full = not self._busy or self._looks % FULL_EVERY == 1
            self._sample = self._group.sample(full=full)
            if full:
                self._unlinked = self._group.unlinked_bytes()
            self._rate.update(now, self._sample.cpu_seconds)

    def _excess(self, most: int) -> int:
        with contextlib.suppress(OSError):
            return self._group.excess(most)
        return 0

    def _passed(self, now: float) -> LoaderError | None:
        """Return why the worker must end, if a limit is passed that cannot be kept by slowing it down."""
        limit = self._limits.max_memory_mb
        if self._sample.memory_bytes > limit * MIB + ALLOWANCE:
            return reasons.memory(self._name, self._sample.memory_bytes, limit)
        if self._sample.zombies > processes.MOST_ZOMBIES or self._sample.processes > self._limits.max_subprocess_count:
            most = self._limits.max_subprocess_count
            if count := self._excess(most):
                return reasons.processes(self._name, count, most)
        problem = self._disk.look(now, self._unlinked)
        return reasons.disk(self._name, problem) if problem else None

    def _interval(self) -> float:
        """Return when to look again: before the tokens can run out, and often while something goes on."""
        watched = BUSY_SECONDS if self._busy or self._near() else IDLE_SECONDS
        burning = min(os.cpu_count() or 1, max(1, self._sample.threads))
        return max(MIN_RUN_SECONDS, min(watched, self._bucket.lasts(burning)))

    def _throttled_seconds(self, now: float) -> float:
        if not self._slows:
            return self._group.throttled_seconds() if self._timer is not None else self._throttled
        return self._throttled + (now - self._paused_at if self._paused_at is not None else 0.0)

    def _near(self) -> bool:
        return (
            self._sample.processes > 0
            or self._bucket.tokens < NEAR * BURST_SECONDS
            or self._sample.memory_bytes > NEAR * self._limits.max_memory_mb * MIB
            or self._disk.near(NEAR)
        )

    def _resume(self) -> bool:
        """Let a worker go on that is held back; return whether it was."""
        if self._paused_at is None:
            return False
        self._throttled += self._loop.time() - self._paused_at
        self._paused_at = None
        self._group.resume()
        return True

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_later(seconds, self._look)
            self._is_far = seconds > BUSY_SECONDS


class _Rate:
    """Processor time over about the last second, in percent of one processor."""

    def __init__(self) -> None:
        self.percent = 0.0
        self._then = self._cpu = 0.0

    def update(self, now: float, cpu_seconds: float) -> None:
        passed = now - self._then
        if passed >= IDLE_SECONDS:
            self.percent = 100 * (cpu_seconds - self._cpu) / passed if self._then else 0.0
            self._then, self._cpu = now, cpu_seconds
