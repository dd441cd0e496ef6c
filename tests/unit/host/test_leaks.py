"""Nothing stays: descriptors, processes, threads, tasks, folders, counted before and after many lives."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from theodore_loader.errors import WorkerCrashed
from theodore_loader.host import PluginHost
from theodore_loader.supervise.settings import Restarts, Supervision
from theodore_sdk import ScrapingRequest

QUICK = Supervision(restarts=Restarts(first_seconds=0.001, longest_seconds=0.001, most_failures=1000))
CYCLES = 30


def _children() -> set[int]:
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            found |= {int(pid) for pid in (thread / "children").read_text().split()}
    return found


def _count(host: PluginHost) -> dict[str, int]:
    host._preparation.flush()  # or its timer may be at work, with files open
    gc.collect()
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": len(_children()),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
    }


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts what Linux shows in /proc")
async def test_crashes_kills_and_reloads_leave_nothing_behind(build, trusting, tier, tmp_path):
    wheel, others = build(), _children()
    options = {"home": tmp_path / "home", "trust": trusting(wheel), "minimum_tier": tier, "supervision": QUICK}
    async with PluginHost(**options) as host:
        await _many_lives(host, wheel, tmp_path / "home")
    assert not list((tmp_path / "home" / "tmp").iterdir())
    assert not _children() - others


async def _asked(plugin):
    """Ask twice if need be: the first question may have been sent before the kill was noticed."""
    (outcome,) = await asyncio.gather(plugin.health_check(), return_exceptions=True)
    if isinstance(outcome, WorkerCrashed):
        assert outcome.safe_to_repeat
        outcome = await plugin.health_check()
    assert outcome.is_healthy


async def _many_lives(host, wheel, home):
    plugin = await host.load(wheel.path)

    async def lives(count: int) -> None:
        for number in range(count):
            if number % 3 == 0:
                os.kill(host.plugins()[0].pid, signal.SIGKILL)
                await _asked(plugin)
            elif number % 3 == 1:
                with pytest.raises(WorkerCrashed):
                    await plugin.scrape_content(ScrapingRequest(url="crash"))
                await plugin.health_check()
            else:
                await host.reload("demo-plugin", wheel.path)
        async with asyncio.timeout(20):
            while host.plugins()[0].draining or len([*(home / "tmp").glob("*/*")]) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    await lives(6)  # what is made once (the zygote, threads of the pool) is there now
    before = _count(host)
    await lives(CYCLES)
    after = _count(host)
    assert after["threads"] <= before["threads"] + 8  # asyncio's pool grows to its own limit
    del before["threads"], after["threads"]
    assert after == before
    assert host.plugins()[0].restarts > CYCLES / 2


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


_HOST = """
import asyncio, sys
from pathlib import Path
from theodore_loader.host import PluginHost
from theodore_loader.sandbox.tier import available
from theodore_loader.trust.trust_file import TrustFile

async def main():
    home, trust, wheel = map(Path, sys.argv[1:])
    host = PluginHost(home=home, trust=TrustFile.load(trust), minimum_tier=available().tier)
    plugin = await host.load(wheel)
    print(host.plugins()[0].pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_two_hosts_share_a_home_and_what_a_killed_one_left_is_cleared(build, trusting, tier, tmp_path):
    wheel = build()
    trust = trusting(wheel)
    home = tmp_path / "home"
    command = [sys.executable, "-c", _HOST, str(home), str(trust.path), str(wheel.path)]
    other = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    pid = int(await other.stdout.readline())
    async with PluginHost(home=home, trust=trust, minimum_tier=tier) as host:
        plugin = await host.load(wheel.path)
        assert (await plugin.health_check()).is_healthy
        os.kill(pid, 0)
        assert len([*home.glob("tmp/*/*")]) == 2
        other.kill()
        await other.wait()
    async with asyncio.timeout(30):
        while _runs(pid):  # noqa: ASYNC110 - the worker of the killed host goes with it
            await asyncio.sleep(0.01)
    assert len([*home.glob("tmp/*/*")]) == 1
    async with PluginHost(home=home, trust=trust, minimum_tier=tier) as host:
        await host.load(wheel.path)
    assert not list((home / "tmp").iterdir())


async def test_a_host_that_is_cancelled_while_it_drains_leaves_no_process(build, trusting, tier, tmp_path):
    wheel = build(scraping="import asyncio; await asyncio.sleep(15)")
    host = PluginHost(home=tmp_path / "home", trust=trusting(wheel), minimum_tier=tier)
    plugin = await host.load(wheel.path)
    (status,) = host.plugins()
    pid = status.pid
    running = asyncio.create_task(plugin.scrape_content(ScrapingRequest(url="")))
    await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await host.close()
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], WorkerCrashed)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not list((tmp_path / "home" / "tmp").iterdir())
