"""Programs a plugin was granted run, under every layer of its worker; no other does, and none is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from eventually import eventually

from theodore_loader.errors import WorkerCrashed
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise import access_log
from theodore_loader.supervise.meter import processes
from theodore_sdk import PluginPermissionError, ResourceLimitExceeded

needs_kernel = pytest.mark.skipif(
    available().tier < Tier.STANDARD, reason="; ".join(available().reasons) or "no kernel layers"
)


def kernel(test: Callable[..., object]) -> Callable[..., object]:
    """Mark a test of what only the kernel holds."""
    return pytest.mark.kernel(needs_kernel(test))


GRANTED = ("subprocess echo", "subprocess sleep", "subprocess cat")

CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *arguments):
    answer = getattr(libc, function)(*arguments)
    return [answer, ctypes.get_errno() if answer == -1 else 0]
"""
"""For plugins that hold ``native``: the C library, past every hook."""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_granted_program_runs_and_returns_its_output(start):
    running = await start(
        """
        import subprocess
        done = subprocess.run(["echo", "hello"], capture_output=True, text=True, check=True)
        return say(done.stdout)
        """,
        grants=GRANTED,
    )
    assert await running.scrape() == "hello\n"
    entries = list(access_log.read(running.worker.access_log.path))
    assert [(entry["permission"], entry["resource"], entry["decision"]) for entry in entries] == [
        ("subprocess", "echo", "allow")
    ]


async def test_asyncio_runs_it_and_talks_to_it(start):
    running = await start(
        """
        process = await asyncio.create_subprocess_exec(
            "cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate(b"through a pipe")
        return say([process.returncode, out.decode()])
        """,
        grants=GRANTED,
    )
    assert await running.scrape() == "[0, 'through a pipe']"


@pytest.mark.parametrize("how", ["full path", "found by shutil.which", "environment of its own", "no environment"])
async def test_it_is_found_however_it_is_named(start, how):
    call = {
        "full path": f"[{shutil.which('echo')!r}, 'x'], env=None",
        "found by shutil.which": "[__import__('shutil').which('echo'), 'x'], env=None",
        "environment of its own": "['echo', 'x'], env={'PATH': '/usr/bin:/bin', 'A': 'b'}",
        "no environment": "['echo', 'x'], env={}",
    }[how]
    running = await start(f"import subprocess; return say(subprocess.check_output({call}))", grants=GRANTED)
    assert await running.scrape() == "b'x\\n'"


async def test_git_works_on_a_repository_it_may_write(start):
    if shutil.which("git") is None:
        pytest.skip("this machine has no git")
    running = await start(
        """
        import subprocess
        environment = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.container.data_dir)}
        def git(*arguments):
            return subprocess.run(["git", *arguments], cwd=self.container.data_dir, env=environment,
                                  capture_output=True, text=True)
        made = git("init", "-q", "--template=", ".")
        (self.container.data_dir / "a").write_text("x")
        git("add", "a")
        listed = git("ls-files")
        return say([made.returncode, made.stderr, listed.stdout])
        """,
        grants=("subprocess git", "filesystem rw:{data}/**"),
    )
    assert await running.scrape() == "[0, '', 'a\\n']"


OTHERS = {
    "by name": "subprocess.run(['ls'])",
    "by path": "subprocess.run(['/bin/ls'])",
    "as a shell": "subprocess.run('echo x', shell=True)",
    "by a PATH of its own": "subprocess.run(['echo'], env={'PATH': str(self.container.tmp_dir)})",
    "by the working folder": "subprocess.run(['echo'], env={'PATH': ''}, cwd=self.container.tmp_dir)",
    "by asyncio": "await asyncio.create_subprocess_exec('ls')",
    "by os.system": "os.system('echo x')",
    "by multiprocessing": "p = __import__('multiprocessing').get_context('spawn').Process(target=print); p.start()",
    "underneath": "__import__('_posixsubprocess').fork_exec([b'ls'], (b'/bin/ls',), *[None] * 21)",
}


@pytest.mark.parametrize("how", OTHERS)
async def test_another_program_is_refused_with_the_line(start, how):
    running = await start(
        f"""
        import subprocess
        program = self.container.tmp_dir / "echo"
        with open(program, "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as file:
            file.write("#!/bin/echo\\n")
        {OTHERS[how]}
        """,
        grants=GRANTED,
    )
    with pytest.raises(PluginPermissionError) as caught:
        await running.scrape()
    # before it starts a process, multiprocessing imports shared memory, which no worker has
    assert caught.value.permission == ("native" if how == "by multiprocessing" else "subprocess")
    assert caught.value.enforced_by == "audit hook"
    assert caught.value.location is not None
    assert caught.value.location.startswith("demo_plugin.py:")


@kernel
async def test_past_the_hook_the_kernel_runs_the_granted_files_only(start):
    running = await start(
        CALL
        + """
program = self.container.tmp_dir / "echo"
with open(program, "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as file:
    file.write("#!/bin/echo\\n")
def run(path):
    child = libc.fork()
    if child == 0:
        call("execv", os.fsencode(path), (ctypes.c_char_p * 2)(b"echo", None))
        os._exit(ctypes.get_errno())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
return say([run(path) for path in ("/bin/echo", "/bin/ls", "/bin/sh", sys.executable, program)])
""",
        grants=(*GRANTED, "native *"),
    )
    assert json.loads(await running.scrape()) == [0, 13, 13, 13, 13]


ESCAPES = {
    "a session of its own": "call('setsid')[1]",
    "a group of its own": "call('setpgid', 0, 0)[1]",
    "a socket": "call('socket', 2, 1, 0)[1]",
    "a file outside": "call('open', b'/etc/passwd', 0)[1]",
    "the host": "call('kill', host, 0)[1]",
    "a user namespace": "call('unshare', 0x10000000)[1]",
    "more memory": "call('setrlimit', 2, (ctypes.c_ulong * 2)(2**40, 2**40))[1]",
}


@kernel
@pytest.mark.parametrize("what", ESCAPES)
async def test_a_child_inherits_every_layer(start, what):
    running = await start(
        CALL
        + f"""
host = os.getppid()
child = libc.fork()
if child == 0:
    os._exit({ESCAPES[what]})
return say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        grants=(*GRANTED, "native *"),
    )
    assert await running.scrape() in ("1", "13")


@kernel
async def test_a_child_cannot_be_made_the_hosts(start):
    """clone(CLONE_PARENT): the host would have a child it never asked for."""
    running = await start(
        CALL + "return say(call('syscall', 56 if os.uname().machine == 'x86_64' else 220, 0x8000 | 17, 0, 0, 0, 0))",
        grants=(*GRANTED, "native *"),
    )
    assert await running.scrape() == "[-1, 1]"


@kernel
async def test_a_granted_program_reads_no_further_than_the_plugin(start):
    running = await start(
        "import subprocess; d = subprocess.run(['cat', '/etc/passwd'], capture_output=True); return say(d.stdout)",
        grants=GRANTED,
    )
    assert await running.scrape() == "b''"


@pytest.mark.parametrize(
    "act",
    ["os.kill(os.getppid(), 0)", "os.kill(0, 9)", "os.kill(-1, 9)", "os.kill(1, 0)", "os.killpg(os.getppid(), 9)"],
)
async def test_signals_reach_the_worker_and_its_children_only(start, act):
    running = await start(act, grants=GRANTED)
    with pytest.raises(PluginPermissionError, match="process:signal"):
        await running.scrape()


async def test_a_program_that_hangs_is_killed_by_its_timeout(start):
    running = await start(
        """
        import subprocess
        try:
            subprocess.run(["sleep", "60"], timeout=0.2)
        except subprocess.TimeoutExpired:
            return say("killed")
        """,
        grants=GRANTED,
    )
    assert await running.scrape() == "killed"


async def test_one_program_too_many_is_a_clear_error_and_the_worker_lives(start):
    running = await start(
        """
        import subprocess
        if request.url:
            return say(subprocess.check_output(["echo", "again"]))
        started = []
        try:
            while True:
                started.append(subprocess.Popen(["sleep", "60"]))
        finally:
            self.count = len(started)
            for one in started:
                one.kill()
        """,
        grants=GRANTED,
        limits={"max_subprocess_count": 2},
    )
    with pytest.raises(ResourceLimitExceeded, match="2 programs run already") as caught:
        await running.scrape()
    assert caught.value.limit == "max_subprocess_count"
    assert await running.scrape("again") == "b'again\\n'"


async def test_programs_one_after_the_other_do_not_add_up(start):
    running = await start(
        """
        import subprocess
        return say(sum(subprocess.run(["echo"], stdout=subprocess.DEVNULL).returncode == 0 for _ in range(40)))
        """,
        grants=GRANTED,
        limits={"max_subprocess_count": 1},
    )
    assert await running.scrape() == "40"


@kernel
async def test_too_many_processes_made_past_the_standard_library_end_the_worker(start):
    running = await start(
        CALL
        + """
for _ in range(8):
    if libc.fork() == 0:
        time.sleep(60)
        os._exit(0)
await asyncio.sleep(20)
""",
        grants=(*GRANTED, "native *"),
        limits={"max_subprocess_count": 3},
    )
    pid = running.worker.pid
    assert pid is not None
    with pytest.raises(WorkerCrashed, match=r"\b[4-9] processes at once, max_subprocess_count is 3"):
        await running.scrape()
    assert await eventually(lambda: not any(processes.members(pid).values()))


@kernel
async def test_a_killed_worker_leaves_no_process_however_it_was_forked(start):
    running = await start(
        CALL
        + """
import subprocess
pids = [subprocess.Popen(["sleep", "60"]).pid]
inner, outer = os.pipe()
if libc.fork() == 0:
    libc.setsid()
    daemon = libc.fork()
    if daemon == 0:
        time.sleep(60)
        os._exit(0)
    os.write(outer, str(daemon).encode())
    os._exit(0)
return say([*pids, int(os.read(inner, 20))])
""",
        grants=(*GRANTED, "native *"),
    )
    pids = json.loads(await running.scrape())
    assert all(alive(pid) for pid in pids)
    await running.worker.kill()
    assert await eventually(lambda: not any(alive(pid) for pid in pids)), pids


async def test_a_worker_that_exits_by_itself_leaves_none_either(start):
    running = await start(
        """
        import subprocess
        if not request.url:
            return say(subprocess.Popen(["sleep", "60"]).pid)
        os._exit(3)
        """,
        grants=GRANTED,
    )
    pid = int(await running.scrape())
    with pytest.raises(WorkerCrashed, match="status 3"):
        await running.scrape("exit")
    assert await eventually(lambda: not alive(pid))


@kernel
async def test_a_limit_of_none_takes_the_grant_back(start):
    running = await start(
        "import subprocess; return say(subprocess.check_output(['echo']))",
        grants=GRANTED,
        limits={"max_subprocess_count": 0},
    )
    with pytest.raises(PluginPermissionError, match="subprocess"):
        await running.scrape()
    receipt = running.worker.receipt
    assert "subprocess echo: max_subprocess_count is 0, no program is started" in receipt.not_enforced
    assert not any(grant.startswith("subprocess") for grant in receipt.grants)
    assert any(canary.name == "fork" for canary in receipt.canaries)


@kernel
@pytest.mark.parametrize("function", ["fork", "vfork"])
async def test_a_limit_of_none_lets_nothing_fork(start, function):
    running = await start(
        CALL + f"return say(call('{function}'))",
        grants=(*GRANTED, "native *"),
        limits={"max_subprocess_count": 0},
    )
    assert await running.scrape() == "[-1, 1]"


@kernel
async def test_a_program_that_is_not_there_is_said_and_nothing_forks(start):
    running = await start(
        """
        import subprocess
        try:
            subprocess.run(["no-such-program"])
        except FileNotFoundError as missing:
            return say(missing)
        """,
        grants=("subprocess no-such-program",),
    )
    assert "none of the granted programs is usable here" in await running.scrape()
    receipt = running.worker.receipt
    assert any(line.startswith("subprocess no-such-program: not found in") for line in receipt.not_enforced)
    assert any(canary.name == "fork" for canary in receipt.canaries)


@kernel
async def test_the_receipt_says_what_holds_only_at_intervals(start):
    running = await start("return say(os.environ['PATH'])", grants=GRANTED)
    assert await running.scrape() == "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    assert any(canary.name.startswith("execute /") for canary in running.worker.receipt.canaries)
    lines = " ".join(running.worker.receipt.not_enforced)
    assert "a burst that ends between two looks is not seen" in lines
    without = await start("return say(os.environ.get('PATH'))")
    assert await without.scrape() == "None"
    assert "max_subprocess_count" not in " ".join(without.worker.receipt.not_enforced)


async def test_children_do_not_inherit_channel_and_broker(start):
    running = await start(
        """
        import subprocess
        listed = subprocess.check_output(["ls", "/proc/self/fd"], close_fds=False, stderr=subprocess.STDOUT)
        return say(listed.split())
        """,
        grants=("subprocess ls", "filesystem r:/proc/**"),
    )
    assert len(json.loads((await running.scrape()).replace("b'", '"').replace("'", '"'))) == 4  # streams and the folder


def test_group_of_this_process_is_seen(tmp_path):
    pid = os.fork()
    if pid == 0:
        time.sleep(30)
        os._exit(0)
    try:
        assert processes.members(os.getpgid(0)).get(pid) is True
        assert processes.countable(pid)
        assert not processes.countable(2**22 + 1)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def wardens() -> list[int]:
    """Return the wardens this process has started and not waited for."""
    children = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    return [int(pid) for pid in children if b"worker.warden" in arguments(pid)]


def arguments(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


@kernel
async def test_a_spawned_worker_that_may_start_programs_ends_together_with_its_warden(start):
    plain = await start("return say('')")
    assert await eventually(lambda: not wardens())  # those of earlier tests end in their own time
    first, second = [await start("return say('fine')", grants=("subprocess echo",)) for _ in range(2)]
    one, other = wardens()
    os.kill(one, signal.SIGKILL)
    ended = await first.worker.wait_ended()
    assert "was ended together with its warden" in ended.message
    assert await second.scrape() == await plain.scrape() + "fine"
    await second.worker.kill()
    assert not alive(other)
    assert await eventually(lambda: not wardens())


@kernel
async def test_a_worker_that_ends_by_itself_takes_its_warden_along(start):
    assert await eventually(lambda: not wardens())
    running = await start("import asyncio; os._exit(3)", grants=("subprocess echo",))
    assert len(wardens()) == 1
    with pytest.raises(WorkerCrashed, match="ended with status 3"):
        await running.scrape()
    assert await eventually(lambda: not wardens())
