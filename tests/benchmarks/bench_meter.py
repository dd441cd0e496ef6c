"""What metering costs, and how exactly a share of processor time is kept.

Accuracy needs a processor to spare: on a machine whose processors are all taken, a busy loop gets less than its share
by itself. The share is measured after the first burst, from what the kernel has counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.supervise.meter import DiskLimit, Meter
from theodore_loader.supervise.meter.choice import subtree
from theodore_loader.supervise.meter.disk import Walk
from theodore_loader.supervise.meter.group import Group, GroupedProcesses, ProcessGroup
from theodore_loader.supervise.meter.processes import TABLE, by_group
from theodore_loader.supervise.metrics import Metrics
from theodore_sdk import PluginResourceLimits

SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
SPIN = "ulimit -t 60; sleep 0.3; while :; do :; done"
"""Ends by itself, should nobody be left to end it."""


@dataclass
class Leader:
    """A busy loop that leads a process group."""

    pid: int

    def signal(self, number: int) -> None:
        """Signal the group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def each(act: Callable[[], object], count: int = 2_000) -> float:
    """Return processor seconds for one ``act``: the median of seven rounds."""
    rounds = []
    for _ in range(7):
        started = time.thread_time()
        for _ in range(count):
            act()
        rounds.append((time.thread_time() - started) / count)
    return statistics.median(rounds)


def show(name: str, seconds: float) -> None:
    print(f"{name:<62}{seconds * 1e6:>10.2f} us")


async def share(target: float, grouped: bool) -> tuple[float, float]:
    """Return the percentage a busy loop got, and the part of a processor the host spent on keeping it there."""
    popen = subprocess.Popen(["sh", "-c", SPIN], start_new_session=True)  # noqa: ASYNC220 - microseconds
    leader = Leader(popen.pid)
    limits = PluginResourceLimits(max_cpu_percent=target)
    group: Group = ProcessGroup(leader, may_fork=False)
    found = subtree(os.getpid())
    if grouped and found is not None:
        group = GroupedProcesses(leader, found.worker(leader.pid, limits), may_fork=False)
    meter = Meter(leader, "bench", limits, {}, disk=DiskLimit(), may_fork=False, over=print, group=group)
    meter.busy(True)
    try:
        for _ in range(100):  # until the first burst is spent, or it is clear that this machine is too busy for it
            if meter.usage().throttled_seconds:
                break
            await asyncio.sleep(0.1)
        own, cpu, then = time.process_time(), meter.usage().cpu_seconds, time.perf_counter()
        await asyncio.sleep(SECONDS)
        passed = time.perf_counter() - then
        got, cost = (meter.usage().cpu_seconds - cpu) / passed, (time.process_time() - own) / passed
    finally:
        meter.stop()
        leader.signal(signal.SIGKILL)
        popen.wait()
    return got * 100, cost * 100


def polls() -> None:
    popen = subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"], start_new_session=True)
    leader = Leader(popen.pid)
    alone, tree = ProcessGroup(leader, may_fork=False), ProcessGroup(leader, may_fork=True)
    show("one look at a worker that may not fork", each(lambda: alone.sample(full=False)))
    show("  with swap and peak (one in ten)", each(lambda: alone.sample(full=True)))
    TABLE.pids(0)
    show("one look at three processes, /proc walked by another", each(lambda: tree.sample(full=False)))
    show(f"walking /proc, {len(list(Path('/proc').glob('[0-9]*')))} processes, for all workers", each(by_group, 100))
    leader.signal(signal.SIGKILL)
    popen.wait()


def walks() -> None:
    with tempfile.TemporaryDirectory() as name:
        for count in (10, 5_000):
            folder = Path(name, str(count))
            folder.mkdir()
            for number in range(count):
                (folder / str(number)).touch()

            def walk(folder: Path = folder) -> None:
                one = Walk({"data": folder}, DiskLimit())
                while not one.step():
                    pass

            show(f"counting {count} files", each(walk, 100 if count < 100 else 3))


def calls() -> None:
    metrics = Metrics("bench", ["scrape_content"])

    def counted() -> None:
        figures = metrics.call("scrape_content")
        figures.end(figures.begin())

    def nothing() -> None:
        pass

    show("a call, counted", each(counted, 50_000) - each(nothing, 50_000))
    show("a snapshot", each(metrics.snapshot, 2_000))


async def main() -> None:
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    polls()
    walks()
    calls()
    print(f"\nshare of one processor over {SECONDS:g} s, and what the host spends on it")
    for grouped in (False, *([True] if subtree(os.getpid()) else [])):
        for target in (10.0, 25.0, 50.0):
            got, cost = await share(target, grouped)
            how = "freezer" if grouped else "SIGSTOP"
            print(f"{how}, target {target:g} %{'':<20}{got:>8.1f} %{cost:>12.2f} % of a processor")


if __name__ == "__main__":
    asyncio.run(main())
