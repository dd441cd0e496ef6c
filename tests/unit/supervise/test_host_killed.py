"""A host that is killed at the very moment in which it holds a worker back: no worker survives, stopped or frozen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.supervise.meter.processes import members

HOST = """
import asyncio, importlib.util, os, signal, sys
from pathlib import Path

conftest, folder, *grants = sys.argv[1:]
sys.path.append(str(Path(conftest).parents[2] / "support"))
spec = importlib.util.spec_from_file_location("supervise_conftest", conftest)
given = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = given
spec.loader.exec_module(given)

async def main():
    folder_ = Path(folder)
    runtime = given.runtime_folder(folder_ / "home")
    surroundings = given.Surroundings(folder_ / "logs", runtime, {}, {}, print)
    body = "while True: pass"
    plan = given.plan_in(folder_, body, grants=tuple(grants), max_cpu_percent=2.0)
    running = given.Running(await given.spawn_worker(plan, surroundings))
    print(running.worker.pid, flush=True)
    call = asyncio.create_task(running.scrape())
    while running.worker._harness.meter._paused_at is None:
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.kernel
@pytest.mark.parametrize("grants", [(), ("subprocess true",)], ids=["no-programs", "with-programs"])
async def test_a_worker_that_is_held_back_dies_with_its_host(grants, tmp_path):
    conftest = Path(__file__).with_name("conftest.py")
    arguments = [sys.executable, "-c", HOST, str(conftest), str(tmp_path), *grants]
    done = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    pid = int(done.stdout)
    assert await eventually(lambda: not Path(f"/proc/{pid}").exists() and not members(pid))
