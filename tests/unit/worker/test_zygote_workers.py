"""What a forked worker is: its own session, descriptors, randomness and memory, and no life without its parents."""

from __future__ import annotations

import ast
import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise.zygote import Zygote, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no zygote here: {why_not()}")

DESCRIPTORS = """
import stat
found = []
for fd in range(512):
    try:
        status = os.fstat(fd)
    except OSError:
        continue
    found.append((fd, stat.S_IFMT(status.st_mode)))
return say(found)
"""
ABOUT_ITSELF = """
return say((os.getpid(), os.getsid(0), os.getpgid(0), os.getppid(), os.getcwd(), dict(os.environ), sys.argv))
"""


async def test_it_has_no_descriptor_that_a_spawned_worker_does_not_have(start, zygote):
    spawned = await start(DESCRIPTORS)
    workers = await asyncio.gather(*(start(DESCRIPTORS, workers_from=zygote) for _ in range(4)))
    expected = Counter(kind for _, kind in ast.literal_eval(await spawned.scrape()))
    for worker in workers:
        found = ast.literal_eval(await worker.scrape())
        assert Counter(kind for _, kind in found) == expected
        assert [fd for fd, _ in found[:3]] == [0, 1, 2]


async def test_it_has_its_own_session_and_folder_and_the_granted_environment_only(start, zygote, tmp_path):
    running = await start(ABOUT_ITSELF, workers_from=zygote, grants=("environment A_*",), environment={"A_B": "c"})
    pid, session, group, parent, folder, environment, arguments = ast.literal_eval(await running.scrape())
    assert pid == session == group == running.worker.pid
    assert parent == zygote.pid
    assert folder == str(tmp_path / "state" / "tmp")
    assert environment == {"A_B": "c", "LANG": "C.UTF-8"} | ({"TZ": os.environ["TZ"]} if "TZ" in os.environ else {})
    assert arguments == ["-c"]
    if os.geteuid() == 0:  # its memory is hidden from everybody else, so is this
        assert _variables(pid) <= {b"LANG", b"TZ", b""}


def _variables(pid: int) -> set[bytes]:
    return {variable.partition(b"=")[0] for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}


async def test_no_two_of_them_share_their_randomness(start, zygote):
    body = "import random, ssl, uuid, secrets; return say((random.random(), ssl.RAND_bytes(8), uuid.uuid4().hex))"
    workers = await asyncio.gather(*(start(body, workers_from=zygote) for _ in range(3)))
    drawn = [ast.literal_eval(await worker.scrape()) for worker in workers]
    for position in range(3):
        assert len({numbers[position] for numbers in drawn}) == len(drawn)


async def test_nothing_of_one_plugin_is_in_the_memory_of_another(start, zygote):
    secret = secrets.token_hex(24)
    keep = "import builtins; builtins.left_behind = self.config.get('secret'); return say(builtins.left_behind)"
    first = await start(keep, workers_from=zygote, config={"secret": secret})
    assert await first.scrape() == secret
    second = await start("import builtins; return say(hasattr(builtins, 'left_behind'))", workers_from=zygote)
    assert await second.scrape() == "False"
    if os.geteuid() == 0:
        assert _holds(first.worker.pid, secret)
        assert not _holds(zygote.pid, secret)
        assert not _holds(second.worker.pid, secret)


def _holds(pid: int, text: str) -> bool:
    """Look through everything a process may write to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            low, high = (int(number, 16) for number in span.split("-"))
            if rights.startswith("rw"):
                memory.seek(low)
                if text.encode() in memory.read(high - low):
                    return True
    return False


STACK = """
frame, seen = sys._getframe(), []
while frame is not None:
    seen += [name for name, value in frame.f_locals.items() if str(OTHER) in repr(value)]
    holder = frame.f_locals.get("self")
    seen += [name for name, value in getattr(holder, "__dict__", {}).items() if str(OTHER) in repr(value)]
    frame = frame.f_back
return say(seen)
"""


async def test_a_plugin_that_looks_up_its_stack_finds_no_other_worker(start, zygote):
    other = await start("return say('')", workers_from=zygote)
    running = await start(STACK.replace("OTHER", str(other.worker.pid)), workers_from=zygote)
    assert await running.scrape() == "[]"


async def test_end_of_file_on_its_channel_ends_it(zygote, tmp_path):
    process, ends = await zygote.launch(tmp_path)
    ends.channel.close()
    await asyncio.wait_for(asyncio.wait([process.done]), 30)
    assert process.done.result() == 0
    ends.close()


async def test_it_dies_with_its_zygote_even_while_it_hears_nothing(start, zygote):
    busy = await start("while True: pass", workers_from=zygote)
    idle = await start("return say('')", workers_from=zygote)
    call = asyncio.create_task(busy.scrape())
    await asyncio.sleep(0.2)  # it is in its loop now, or dies all the more easily
    os.kill(zygote.pid, signal.SIGKILL)
    for running in (busy, idle):
        with pytest.raises(WorkerCrashed, match="together with its zygote, which was ended by SIGKILL"):
            await (call if running is busy else _after_end(running))
    again = await start("return say('alive')", workers_from=zygote)
    assert await again.scrape() == "alive"


async def _after_end(running):
    await asyncio.wait([running.worker._harness.process.done])
    await running.scrape()


HOST = """
import asyncio, os, signal, sys
from pathlib import Path
from theodore_loader.supervise.launch import Spawner
from theodore_loader.supervise.zygote import Zygote

async def main(runtime, folder, cancel):
    zygote, spawner = Zygote(runtime), Spawner(runtime)
    try:
        started = await asyncio.gather(*(way.launch(folder) for way in (zygote, zygote, zygote, spawner)))
        under_way = asyncio.create_task(zygote.launch(folder))
        print("ready", flush=True)
        await asyncio.sleep(60)
    finally:
        if cancel:
            for process, ends in started:
                process.kill()
                await asyncio.wait([process.done])
            await zygote.close()

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "SIGINT"))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
async def test_nothing_survives_a_host_that_is_killed_or_cancelled(runtime, tmp_path, how):
    host = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOST, str(runtime), str(tmp_path), how.name),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert host.stdout is not None
    assert await host.stdout.readline() == b"ready\n"
    assert len(_descendants(host.pid)) >= 5
    watched = _descendants(host.pid)
    host.send_signal(how)
    await asyncio.wait_for(host.wait(), 60)
    for pidfd in watched.values():
        await _ended(pidfd)


def _descendants(pid: int) -> dict[int, int]:
    """Return a pidfd of every process that descends from ``pid``."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return {child: os.pidfd_open(child) for child in found}


async def _ended(pidfd: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), 60)
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def test_a_launcher_is_closed_for_good(runtime, tmp_path):
    zygote = Zygote(runtime)
    await zygote.close()
    with pytest.raises(WorkerCrashed, match="closed"):
        await zygote.launch(tmp_path)


async def test_flags_of_standard_input_are_a_workers_own(start, zygote):
    body = """
    import fcntl
    before = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETFL, before ^ os.O_NONBLOCK ^ os.O_APPEND)
    return say(f"{before} {os.read(0, 1)}")
    """
    first = await start(body, workers_from=zygote)
    second = await start(body, workers_from=zygote)
    said = [await first.scrape(), await second.scrape()]
    assert said[0] == said[1]
    assert said[0].endswith("b''")
