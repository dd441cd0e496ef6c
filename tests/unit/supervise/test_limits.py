"""Every limit, passed by a plugin in a real worker. The canaries are bounded: little happens where one gets through."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.errors import CallTimeout, LimitExceeded, LoaderError
from theodore_loader.sandbox.profile import MIB
from theodore_loader.supervise.meter import DiskLimit
from theodore_loader.supervise.meter.processes import members
from theodore_sdk import ResourceLimitExceeded

pytestmark = pytest.mark.kernel
SPIN = "until = time.process_time() + float(request.url)\nwhile time.process_time() < until: pass\nreturn say('done')"


def gone(pid: int) -> bool:
    """Whether nothing of a worker runs any more."""
    return not any(members(pid).values()) and not Path(f"/proc/{pid}").exists()


async def ended(running, call: str = "") -> LimitExceeded:
    """Call, and return the reason for which the worker was ended."""
    with pytest.raises(LimitExceeded) as caught:
        await running.scrape(call)
    assert running.worker.ended is caught.value
    return caught.value


# processor time


async def test_a_cancelled_plugin_that_is_held_back_is_let_run_to_stop(start):
    """At two percent it is stopped for a second at a time, and the grace is half a second."""
    running = await start(
        """
        until = time.process_time() + float(request.url)
        while time.process_time() < until:
            await asyncio.sleep(0)
        return say('done')
        """,
        max_cpu_percent=2.0,
    )
    task = asyncio.create_task(running.scrape("60"))
    assert await eventually(lambda: running.worker.usage().throttled_seconds > 0)
    assert running.worker.throttled
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(1.0)  # the grace is over
    assert running.worker.ended is None
    assert await running.scrape("0") == "done"


async def test_a_plugin_that_is_held_back_does_not_hold_others(start):
    greedy = await start(SPIN, max_cpu_percent=5.0, max_execution_time_seconds=30.0)
    polite = await start("return say('here')")
    task = asyncio.create_task(greedy.scrape("3"))
    async with asyncio.timeout(60):
        while not greedy.worker.usage().throttled_seconds:  # noqa: ASYNC110 - what is waited for is the kernel's
            await asyncio.sleep(0.05)
    assert [await polite.scrape() for _ in range(50)] == ["here"] * 50
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_deadline_ends_a_busy_loop_in_c_that_is_held_back(start):
    running = await start("return say(sum(range(10**12)))", max_cpu_percent=10.0, max_execution_time_seconds=1.5)
    pid = running.worker.pid
    with pytest.raises(CallTimeout, match="its worker was killed"):
        await running.scrape()
    assert await eventually(lambda: gone(pid))


@pytest.mark.parametrize("forked", [False, True], ids=["spawned", "forked"])
async def test_a_worker_that_is_held_back_is_killed_at_once(start, forked):
    running = await start(SPIN, max_cpu_percent=1.0, forked=forked)
    task = asyncio.create_task(running.scrape("20"))
    assert await eventually(lambda: running.worker.usage().throttled_seconds > 0)
    pid = running.worker.pid
    async with asyncio.timeout(60):
        await running.worker.kill()
    assert gone(pid)
    with pytest.raises(LoaderError):
        await task


# memory


async def test_small_steps_of_memory_end_in_a_memory_error_and_the_worker_lives(start):
    running = await start(
        """
        kept = []
        try:
            while len(kept) < 3000:
                kept.append(bytearray(100_000))
        except MemoryError:
            taken = len(kept)
            kept.clear()
            return say(taken)
        """,
        max_memory_mb=96,
    )
    assert 100 < int(await running.scrape()) < 1000
    assert 100 < int(await running.scrape()) < 1000


async def test_private_maps_count_and_shared_ones_are_refused(start):
    running = await start(
        """
        import mmap
        answers = []
        for flags in (mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS):
            try:
                mmap.mmap(-1, 200 << 20, flags=flags)
                answers.append("got it")
            except OSError as problem:
                answers.append(problem.errno)
        return say(answers)
        """,
        max_memory_mb=96,
    )
    assert await running.scrape() == "[12, 1]"  # ENOMEM, EPERM


async def test_memory_of_children_adds_up_and_is_the_end(start):
    running = await start(
        """
        import subprocess
        children = [subprocess.Popen(["tail", "-c", "45000000"], stdin=subprocess.PIPE) for _ in range(4)]
        for _ in range(48):
            for child in children:
                child.stdin.write(bytes(1_000_000))
        await asyncio.sleep(20)
        """,
        grants=("subprocess tail",),
        max_memory_mb=80,
        max_subprocess_count=5,
    )
    pid = running.worker.pid
    reason = await ended(running)
    assert reason.limit == "max_memory_mb"
    assert "it and what it started use" in str(reason)
    assert "MemoryError" in reason.help
    assert await eventually(lambda: gone(pid))


async def test_sleeping_threads_are_as_many_as_their_stacks_fit(start):
    running = await start(
        """
        stop, started = threading.Event(), []
        try:
            while len(started) < 2000:
                thread = threading.Thread(target=stop.wait)
                thread.start()
                started.append(thread)
        except (RuntimeError, MemoryError) as problem:
            return say(f"{len(started)} {type(problem).__name__}")
        finally:
            stop.set()
        return say("no end")
        """,
        max_memory_mb=96,
    )
    count, _, name = (await running.scrape()).partition(" ")
    assert name in ("RuntimeError", "MemoryError")
    assert 20 < int(count) < 250


# processes


async def test_programs_that_start_programs_are_counted_and_ended(start):
    running = await start(
        """
        import subprocess
        subprocess.Popen(["sh", "-c", "for i in 1 2 3 4 5 6; do sleep 30 & done; wait"])
        await asyncio.sleep(20)
        """,
        grants=("subprocess sh", "subprocess sleep"),
        max_subprocess_count=3,
    )
    pid = running.worker.pid
    reason = await ended(running)
    assert reason.limit == "max_subprocess_count"
    assert re.search("[4-7] processes at once, max_subprocess_count is 3", str(reason))  # it may look in between
    assert await eventually(lambda: gone(pid))


async def test_bursts_of_programs_slow_no_other_plugin_to_a_stop(start):
    """Programs that come and go faster than anybody looks: each burst within the limit, twenty of them."""
    bursts = await start(
        """
        import subprocess
        script = "for i in 1 2 3; do true & done; wait"
        for _ in range(20):
            subprocess.run(["sh", "-c", script])
        return say("done")
        """,
        grants=("subprocess sh", "subprocess true"),
        max_subprocess_count=5,
    )
    polite = await start("return say('here')")
    task = asyncio.create_task(bursts.scrape())
    while not task.done():
        assert await polite.scrape() == "here"
        await asyncio.sleep(0.01)
    assert await task == "done"
    assert bursts.worker.ended is None


# disk


MANY_FILES = """
for number in range(100_000):
    (self.container.data_dir / str(number)).touch()
    if number % 50 == 0:
        await asyncio.sleep(0.01)
"""


async def test_many_small_files_are_the_end_and_no_new_start_until_they_are_removed(start, tmp_path):
    running = await start(MANY_FILES, folder=tmp_path, disk=DiskLimit(files=400))
    reason = await ended(running)
    assert reason.limit == "disk"
    assert "files, 400 are allowed" in str(reason)
    with pytest.raises(LimitExceeded, match=r"demo is not started: its folders hold .* files") as caught:
        await start("return say('again')", folder=tmp_path, disk=DiskLimit(files=400))
    assert str(tmp_path / "state" / "data") in caught.value.help
    for file in (tmp_path / "state" / "data").iterdir():
        file.unlink()
    again = await start("return say('again')", folder=tmp_path, disk=DiskLimit(files=400))
    assert await again.scrape() == "again"


async def test_bytes_in_many_files_are_the_end(start):
    running = await start(
        """
        for number in range(200):
            (self.container.data_dir / str(number)).write_bytes(b"x" * 1_000_000)
            await asyncio.sleep(0.01)
        """,
        disk=DiskLimit(bytes=5 * MIB),
    )
    reason = await ended(running)
    assert "MiB on disk, 5 MiB are allowed" in str(reason)


async def test_one_file_is_cut_by_the_kernel_and_holes_are_free(start):
    running = await start(
        """
        path = self.container.data_dir / "file"
        with path.open("wb") as file:
            file.truncate(4 << 20)  # a hole
            file.seek(0)
            try:
                for _ in range(64):
                    file.write(b"x" * (1 << 18))
                    file.flush()
            except OSError as problem:
                path.unlink()
                return say(problem.errno)
        """,
        disk=DiskLimit(bytes=5 * MIB),
    )
    assert await running.scrape() == "27"  # EFBIG


async def test_files_deleted_while_open_are_as_many_as_handles(start):
    running = await start(
        """
        held = []
        try:
            while len(held) < 5000:
                path = self.container.data_dir / "file"
                held.append(path.open("wb"))
                path.unlink()
        except OSError as problem:
            answer = f"{len(held)} {problem.errno}"
            for file in held:
                file.close()
            return say(answer)
        """,
        max_file_handles=20,
    )
    for _ in range(2):
        count, number = (await running.scrape()).split()
        assert int(count) <= 44
        assert number == "24"  # EMFILE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees what a worker has open")
async def test_files_deleted_while_open_count_where_they_can_be_seen(start):
    running = await start(
        """
        held = []
        for number in range(40):
            held.append(open(self.container.data_dir / "file", "wb"))
            (self.container.data_dir / "file").unlink()
            held[-1].write(b"x" * 400_000)
            held[-1].flush()
            await asyncio.sleep(0.02)
        await asyncio.sleep(20)
        """,
        disk=DiskLimit(bytes=3 * MIB),
    )
    assert running.worker.receipt.not_enforced[-1].endswith("deleted while they are mapped are not counted")
    reason = await ended(running)
    assert "MiB on disk, 3 MiB are allowed" in str(reason)


# what it says


async def test_a_result_too_large_is_refused_and_the_worker_lives(start):
    running = await start("return say('x' * int(request.url))")
    with pytest.raises(ResourceLimitExceeded, match="result"):
        await running.scrape(str(3 * MIB))
    assert await running.scrape("3") == "xxx"


async def test_log_is_cut_in_lines_and_in_characters(start):
    """Each line is within its length and their number within its rate; together they are too much."""
    running = await start(
        """
        for number in range(350):
            print("x" * 4000)
        await asyncio.sleep(1.0)
        print("the end")
        return say("done")
        """
    )
    assert await running.scrape() == "done"
    assert await eventually(lambda: any(record.text == "the end" for record in running.logs))
    assert any(r.source == "host" and "lines were dropped: more than 128 KiB" in r.text for r in running.logs)
    assert sum(len(record.text) for record in running.logs) < 350 * 4000 / 2


async def test_a_logger_cannot_pass_for_the_host(start):
    running = await start("logging.getLogger('host').warning('all is well'); return say('done')")
    await running.scrape()
    assert await eventually(lambda: bool(running.logs))
    assert ("logger host", "all is well") in {(record.source, record.text) for record in running.logs}


# what is said about it


async def test_a_forked_worker_is_measured_by_itself(start):
    """What the zygote used before it forked is not the worker's, nor is its sibling's."""
    spinning = await start(SPIN, forked=True)
    idle = await start("return say('here')", forked=True)
    assert await spinning.scrape("0.7") == "done"
    assert await eventually(lambda: spinning.worker.usage().cpu_seconds >= 0.7)
    assert await idle.scrape() == "here"
    assert idle.worker.usage().cpu_seconds < 0.6
    assert idle.worker.usage().threads == 1


async def test_the_receipt_says_by_what_each_limit_holds(start):
    running = await start("return say(os.getpid())", max_cpu_percent=25.0)
    lines = "\n".join(running.worker.receipt.enforced)
    for limit in ("max_memory_mb", "max_cpu_percent: 25 %", "max_subprocess_count: none", "max_file_handles", "disk"):
        assert limit in lines
    assert "max_cpu_percent" not in "\n".join(running.worker.receipt.not_enforced)
    assert int(await running.scrape()) == running.worker.pid
    assert os.getpgid(running.worker.pid) == running.worker.pid
