"""Launching from a zygote: many at once, cancelled, starved of descriptors, killed half-way, replaced in time."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from theodore_loader.errors import WorkerCrashed
from theodore_loader.sandbox import libc
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise.launch import Spawner
from theodore_loader.supervise.zygote import Zygote, launcher_for, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no zygote here: {why_not()}")


def processes_of(runtime: Path) -> set[int]:
    """Every process that was started with ``runtime`` on its command line, and runs."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                command = Path("/proc", name, "cmdline").read_bytes()
            except OSError:
                continue
            if str(runtime).encode() in command:
                found.add(int(name))
    return found


@pytest.fixture
def runtime(runtime, tmp_path):
    """The runtime under a name of this test's own, so that its processes can be told from those of other tests."""
    own = tmp_path / "runtime"
    own.symlink_to(runtime)
    return own


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def end(*launched) -> None:
    for process, ends in launched:
        process.kill()
        await asyncio.wait([process.done])
        ends.close()


async def gone(runtime, *, but=frozenset()):
    for _ in range(3000):
        if processes_of(runtime) <= set(but):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"still running: {processes_of(runtime) - set(but)}")


async def test_fifty_launches_at_once_give_fifty_workers_and_leave_nothing(zygote, runtime, tmp_path):
    await end(await zygote.launch(tmp_path))
    before = descriptors()
    launched = await asyncio.gather(*(zygote.launch(tmp_path) for _ in range(50)))
    pids = {process.pid for process, _ in launched}
    assert len(pids) == 50
    assert processes_of(runtime) == pids | {zygote.pid}
    await end(*launched)
    assert processes_of(runtime) == {zygote.pid}
    assert descriptors() == before


def said_of(pid: int) -> dict[str, str]:
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


async def test_a_zygote_has_one_thread_no_privileges_bounded_memory_and_nothing_open(zygote, tmp_path):
    await end(await zygote.launch(tmp_path))
    said = said_of(zygote.pid)
    assert (said["Threads"], said["NoNewPrivs"]) == ("1", "1")
    assert int(said["CapEff"], 16) == int(said["CapPrm"], 16) == int(said["CapInh"], 16) == 0
    assert os.getsid(zygote.pid) == os.getpgid(zygote.pid) == zygote.pid
    assert resource.prlimit(zygote.pid, resource.RLIMIT_DATA)[0] <= 512 * 1024 * 1024
    assert resource.prlimit(zygote.pid, resource.RLIMIT_CORE)[0] == 0
    assert os.stat(f"/proc/{zygote.pid}/environ").st_uid == 0  # what a process that is not dumpable belongs to
    if os.geteuid() == 0:
        folder = f"/proc/{zygote.pid}/fd"
        opened = {int(name): os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
        assert opened.pop(0) == "/dev/null"
        assert opened.pop(1) == opened.pop(2)
        assert len(opened) == 1
        assert os.readlink(f"/proc/{zygote.pid}/cwd") == "/"


async def test_a_launch_that_is_cancelled_at_any_moment_leaves_neither_process_nor_descriptor(
    zygote, runtime, tmp_path
):
    await end(await zygote.launch(tmp_path))
    before = descriptors()
    for step in range(40):
        launches = [asyncio.create_task(zygote.launch(tmp_path)) for _ in range(3)]
        await asyncio.sleep(step * 0.0002)
        for launch in launches:
            launch.cancel()
        done = await asyncio.gather(*launches, return_exceptions=True)
        await end(*(result for result in done if isinstance(result, tuple)))
    await gone(runtime, but={zygote.pid})
    for _ in range(500):
        if descriptors() == before:
            return
        await asyncio.sleep(0.02)
    assert descriptors() == before


async def test_a_zygote_killed_at_any_moment_leaves_no_half_started_worker(zygote, runtime, tmp_path):
    for step in range(4):
        await end(await zygote.launch(tmp_path))
        killed = zygote.pid
        launches = [asyncio.create_task(zygote.launch(tmp_path)) for _ in range(4)]
        await asyncio.sleep(step * 0.001)
        os.kill(killed, signal.SIGKILL)
        done = await asyncio.gather(*launches)  # those it could not serve are served by its successor
        await asyncio.wait([process.done for process, _ in done], timeout=0.3)
        for _ in range(500):
            alive = {process.pid for process, _ in done if not process.done.done()}
            if processes_of(runtime) - {killed} <= alive | {zygote.pid}:
                break
            await asyncio.sleep(0.02)
        assert processes_of(runtime) - {killed} <= alive | {zygote.pid}
        assert zygote.pid != killed or not alive
        await end(*done)
    await gone(runtime, but={zygote.pid})


async def test_a_zygote_that_is_stopped_before_it_answers_is_left_for_another(zygote, runtime, tmp_path, monkeypatch):
    monkeypatch.setattr("theodore_loader.supervise.zygote_process.FORK_SECONDS", 1.0)
    first = await zygote.launch(tmp_path)
    stopped = zygote.pid
    os.kill(stopped, signal.SIGSTOP)
    second = await zygote.launch(tmp_path)
    assert zygote.pid != stopped
    os.kill(stopped, signal.SIGCONT)
    await end(first, second)
    await gone(runtime, but={zygote.pid})  # what it forked too late, and then the stopped one, which nobody needs


@contextmanager
def free_descriptors(count: int):
    """Leave this process ``count`` descriptors to open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]
    highest = max(opened)
    for descriptor in opened:
        os.close(descriptor)
    filled = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    try:
        while len(filled) < 5000:
            try:
                filled.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                break
        for descriptor in filled[len(filled) - count :]:
            os.close(descriptor)
        del filled[len(filled) - count :]
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in filled:
            os.close(descriptor)


async def test_a_host_at_its_descriptor_limit_gets_a_reason_and_keeps_no_process(zygote, runtime, tmp_path):
    await end(await zygote.launch(tmp_path))
    refused = 0
    for count in range(4, 14):  # up to eight for the wires, one for the folder, one for the pidfd
        with free_descriptors(count):
            (launched,) = await asyncio.gather(zygote.launch(tmp_path), return_exceptions=True)
        if isinstance(launched, tuple):
            await end(launched)
        else:
            refused += 1
            assert isinstance(launched, WorkerCrashed)
            assert "no descriptor left" in launched.message
            assert "ulimit -n" in (launched.help or "")
        await gone(runtime, but={zygote.pid})
    assert 5 <= refused < 10


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
async def test_a_worker_that_ends_as_memory_errors_do_costs_its_zygote_new_workers(zygote, runtime, tmp_path, number):
    doomed, kept = await asyncio.gather(zygote.launch(tmp_path), zygote.launch(tmp_path))
    first = zygote.pid
    os.kill(doomed[0].pid, number)
    await asyncio.wait([doomed[0].done])
    assert doomed[0].ending == f"was ended by {number.name}"
    after = await zygote.launch(tmp_path)
    assert zygote.pid != first
    assert first in processes_of(runtime)  # the parent of the one that is left
    await end(doomed, kept)
    await gone(runtime, but={zygote.pid, after[0].pid})
    await end(after)


@pytest.mark.parametrize("limit", [{"most_forks": 2}, {"most_seconds": 0.0}])
async def test_a_zygote_that_is_spent_gets_no_new_workers(runtime, tmp_path, limit):
    zygote = Zygote(runtime, **limit)
    launched = [await zygote.launch(tmp_path) for _ in range(2)]
    first = zygote.pid
    launched.append(await zygote.launch(tmp_path))
    assert zygote.pid != first
    await end(*launched)
    await zygote.close()
    await gone(runtime)


async def test_a_program_that_a_worker_left_behind_ends_with_it(start, zygote):
    running = await start(
        "import subprocess\nreturn say(subprocess.Popen(['sleep', '60']).pid)",
        workers_from=zygote,
        grants=("subprocess sleep",),
        limits={"max_subprocess_count": 2},
    )
    program = os.pidfd_open(int(await running.scrape()))
    os.kill(zygote.pid, signal.SIGKILL)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(program, ended.set)
    await asyncio.wait_for(ended.wait(), 30)
    asyncio.get_running_loop().remove_reader(program)
    os.close(program)


async def test_a_host_that_inherits_orphans_keeps_no_zombie_of_a_zygotes_workers(zygote, tmp_path):
    """The init of a container does, and so does who asked for it: prctl(PR_SET_CHILD_SUBREAPER)."""
    libc.prctl(36, 1)
    try:
        launched = [await zygote.launch(tmp_path) for _ in range(3)]
        os.kill(zygote.pid, signal.SIGKILL)
        await asyncio.wait([process.done for process, _ in launched])
        assert {process.pid for process, _ in launched}.isdisjoint(map(int, filter(str.isdecimal, os.listdir("/proc"))))
        await end(*launched)
    finally:
        libc.prctl(36, 0)


def test_an_isolated_worker_is_an_interpreter_of_its_own(tmp_path):
    isolated = Tier.STANDARD + 1
    assert isinstance(launcher_for(tmp_path, isolated), Spawner)
    assert isinstance(launcher_for(tmp_path, Tier.STANDARD), Zygote)


async def test_the_receipt_says_what_started_a_worker(start, zygote):
    running = await start("return say('')", workers_from=zygote)
    assert running.worker.receipt.started_by == "zygote"


async def test_where_there_are_no_pidfds_a_worker_is_spawned_polled_and_the_receipt_says_why(
    start, runtime, monkeypatch
):
    monkeypatch.delattr(os, "pidfd_open")
    launcher = launcher_for(runtime, Tier.STANDARD)
    running = await start("os._exit(7)", workers_from=launcher)
    assert running.worker.receipt.started_by == f"spawn: {sys.platform} has no pidfd_open"
    with pytest.raises(WorkerCrashed, match="ended with status 7"):
        await running.scrape()
