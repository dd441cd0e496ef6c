"""No worker and no zygote survives its host, however the host ends and whatever it was doing. Real host processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise.meter.processes import members

HOST = """
import asyncio, importlib.util, os, signal, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("tools", sys.argv[1])
tools = importlib.util.module_from_spec(spec); sys.modules["tools"] = tools; spec.loader.exec_module(tools)
from theodore_loader.supervise.launch import Spawner
from theodore_loader.supervise.zygote import Zygote

BODY = '''
if request.url == "spin":
    while True: pass
if request.url == "item":
    return say("item")
if request.url == "daemons":
    import subprocess
    heard = str(self.container.data_dir) + "/heard"
    ever = f"trap '' HUP INT TERM; echo >> {heard}; while :; do sleep 1000; done"
    twice = '( ( setsid sh -c "$0" || sh -c "$0" ) & ) & ( sh -c "( $0 ) & sleep 1000" & )'
    subprocess.run(["sh", "-c", twice, ever], check=True)
    while not os.path.exists(heard) or os.path.getsize(heard) < 2:
        await asyncio.sleep(0.01)
    return say(os.getpid())
await asyncio.sleep(60)
'''

async def main():
    folder, scene, launcher_name = Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    runtime = tools.runtime_folder(folder / "home")
    launcher = {"zygote": Zygote, "spawn": Spawner}[launcher_name](runtime)
    def start(number):
        options = {"limits": {"max_cpu_percent": 100}}
        if scene == "programs":
            programs = [f"subprocess {name}" for name in ("sh", "sleep", "setsid")]
            options["grants"] = ("filesystem rw:{data}/**", *programs)
            options["limits"]["max_subprocess_count"] = 20
        return tools.make_worker(folder / str(number), runtime, BODY, workers_from=launcher, **options)
    def call(worker, url):
        return worker.call(worker.methods["scrape_content"], (tools.ScrapingRequest(url=url),), {})
    if scene == "start":
        print("there", flush=True)
        number = 0
        while True:
            await asyncio.gather(*(start(number + at) for at in range(2)))
            number += 2
    workers = [await start(0), await start(1)]
    if scene == "programs":
        pids = [(await call(worker, "daemons")).content for worker in workers]
        (folder / "workers.txt").write_text(" ".join(pids))
        print("there", flush=True)
        await asyncio.sleep(60)
    if scene == "stream":
        requests = [tools.ScrapingRequest(url="item")] * 5000
        while True:
            async for item in workers[0].stream(workers[0].methods["stream_contents"], (requests,), {}):
                if len(requests) == 5000:
                    requests = requests[:4000]
                    print("there", flush=True)
    calls = [asyncio.ensure_future(call(worker, url)) for worker, url in zip(workers, ("spin", "wait"))]
    await asyncio.sleep(0.1)
    print("there", flush=True)
    if scene == "cancel":
        for one in calls:
            one.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await launcher.close()
        await asyncio.gather(*(worker.kill() for worker in workers))
        print("closed", flush=True)
    if scene == "abort":
        os.abort()
    await asyncio.sleep(60)

asyncio.run(main())
"""
TOOLS = Path(__file__).with_name("conftest.py")
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}

pytestmark = pytest.mark.skipif(available().tier < Tier.STANDARD, reason="; ".join(available().reasons))


@contextlib.contextmanager
def host(folder: Path, scene: str, launcher: str):
    """Run a host up to the moment of the scene."""
    script = folder / "host.py"
    script.write_text(HOST)
    command = [sys.executable, str(script), str(TOOLS), str(folder), scene, launcher]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # what the tests share
    with (
        (folder / "errors.txt").open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "there", (folder / "errors.txt").read_text()
            yield process
        finally:
            process.kill()


def children_of_the_runtime(folder: Path) -> list[int]:
    """Return every process that imports from the host's runtime folder: its zygotes, its workers and their wardens."""
    return mentioning(folder / "home" / "runtime")


def mentioning(folder: Path) -> list[int]:
    """Return every process with ``folder`` among its arguments."""
    wanted, found = str(folder).encode(), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{name}/cmdline").read_bytes():
                found.append(int(name))
    return found


def gone(folder: Path) -> bool:
    """Wait until nothing of the host runs any more."""
    return soon(lambda: not children_of_the_runtime(folder))


def soon(condition: Callable[[], bool]) -> bool:
    """Wait until it holds, for as long as a busy machine may take."""
    until = time.monotonic() + 120
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize(("how", "launcher"), [*((how, "zygote") for how in SIGNALS), ("SIGKILL", "spawn")])
def test_a_host_that_is_ended_in_calls_takes_everything_along(tmp_path, how, launcher):
    with host(tmp_path, "call", launcher) as process:
        assert len(children_of_the_runtime(tmp_path)) >= 2
        process.send_signal(SIGNALS[how])
        process.wait(120)
        assert gone(tmp_path)


@pytest.mark.parametrize(
    ("after", "launcher"), [(0.0, "zygote"), (0.05, "zygote"), (0.12, "zygote"), (0.31, "zygote"), (0.1, "spawn")]
)
def test_a_host_that_is_killed_while_workers_start_takes_everything_along(tmp_path, after, launcher):
    with host(tmp_path, "start", launcher) as process:
        time.sleep(after)
        process.kill()
        process.wait(120)
        assert gone(tmp_path)


def test_a_host_that_is_killed_in_a_stream_takes_everything_along(tmp_path):
    with host(tmp_path, "stream", "zygote") as process:
        process.kill()
        process.wait(120)
        assert gone(tmp_path)


def test_a_host_that_aborts_takes_everything_along(tmp_path):
    with host(tmp_path, "abort", "zygote") as process:
        assert process.wait(120) == -signal.SIGABRT
        assert gone(tmp_path)


def test_calls_that_are_cancelled_leave_nothing_once_the_host_has_closed(tmp_path):
    with host(tmp_path, "cancel", "zygote") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "closed"
        assert gone(tmp_path)
        assert process.poll() is None


def running(workers: list[int]) -> list[int]:
    """Return the processes of the workers' groups that run."""
    return [pid for worker in workers for pid, runs in members(worker).items() if runs]


@pytest.mark.parametrize("launcher", ["zygote", "spawn"])
def test_a_host_that_is_killed_takes_programs_along_that_were_to_outlive_it(tmp_path, launcher):
    with host(tmp_path, "programs", launcher) as process:
        workers = [int(pid) for pid in (tmp_path / "workers.txt").read_text().split()]
        assert all(len(members(pid)) >= 4 for pid in workers)
        process.kill()
        process.wait(120)
        try:
            assert soon(
                lambda: not running(workers) and not mentioning(tmp_path / "0") and not mentioning(tmp_path / "1")
            )
        finally:
            for left in running(workers):
                os.kill(left, signal.SIGKILL)
