"""Every number, and every other way into the kernel, from a confined process that is thrown away."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_loader.sandbox import libc
from theodore_loader.sandbox.syscall_lists import ABSENT, ALLOWED, METADATA, REFUSED, UNSUPPORTED

LOADER = str(Path(__file__).parents[3] / "loader")
NUMBERS = 501
# They end or stop the caller, or raise a signal where nothing is being probed: what they should do.
NOT_MADE = ("exit", "exit_group", "pause", "rt_sigreturn", "rt_sigsuspend", "select", "pselect6", "ppoll", "uretprobe")
NEVER = ("socket", "connect", "fork", "vfork", "execve", "symlink", "symlinkat")

PRELUDE = f"""
import ctypes, json, mmap, os, sys
sys.path.insert(0, {LOADER!r})
from theodore_loader.sandbox import libc, order
from theodore_loader.sandbox.profile import Profile
words = [ctypes.c_long] * 7
raw = ctypes.CFUNCTYPE(ctypes.c_long, *words, use_errno=True)(("syscall", ctypes.CDLL(None)))
def call(number, *given):
    result = raw(number, *given, *(0,) * (6 - len(given)))
    return ctypes.get_errno() if result == -1 else 0
"""

EVERY_NUMBER = """
skipped, work = set(json.loads(sys.argv[1])), sys.argv[2]
os.chdir(work)
order.confine(Profile(write=(work,), file_bytes=1 << 20))
answers = {fill: {number: call(number, *[fill] * 6) for number in range(501) if number not in skipped}
           for fill in (0, -1)}
os.write(1, json.dumps(answers).encode())
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-I", "-S", "-c", PRELUDE + code, *arguments]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)


def expected() -> dict[int, int]:
    """Return the error number each call must be answered with, where its list alone decides."""
    numbers = libc.syscall_numbers(libc.machine() or "")
    listed = {
        **dict.fromkeys((*REFUSED, *METADATA, *NEVER), errno.EPERM),
        **dict.fromkeys(UNSUPPORTED, errno.ENOTSUP),
        **dict.fromkeys(ABSENT, errno.ENOSYS),
    }
    known = {number: name for name, number in numbers.items()}
    unnamed = {number: errno.ENOSYS for number in range(NUMBERS) if number not in known}
    return {**unnamed, **{numbers[name]: answer for name, answer in listed.items() if name in numbers}}


def state(pid: int, folder: Path) -> object:
    return (
        os.getpriority(os.PRIO_PROCESS, pid),
        os.sched_getaffinity(pid),
        [resource.prlimit(pid, which) for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_DATA)],
        os.uname().nodename,
        Path(f"/proc/{pid}/status").read_text().count("SigPnd:\t0000000000000000"),
        sorted(
            (path.name, path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in folder.iterdir()
        ),
    )


@pytest.mark.kernel
def test_every_number_answers_as_listed_and_nothing_happens_outside(tmp_path, work):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    numbers = libc.syscall_numbers(libc.machine() or "")
    skipped = json.dumps([numbers[name] for name in NOT_MADE if name in numbers] + [336])
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"], stdin=-1) as bystander:
        before = state(bystander.pid, outside)
        done = python(EVERY_NUMBER, skipped, str(work))
        after = state(bystander.pid, outside)
        assert bystander.poll() is None
        bystander.communicate(b"")
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert after == before
    wanted, names = expected(), {number: name for name, number in numbers.items()}
    for answers in json.loads(done.stdout).values():
        wrong = {
            (names.get(int(number), number), errno.errorcode.get(answer, answer))
            for number, answer in answers.items()
            if int(number) in wanted and wanted[int(number)] != answer
        }
        assert not wrong
        assert len(answers) == NUMBERS - len(json.loads(skipped))


@pytest.mark.kernel
def test_allowed_calls_are_really_made(work):
    """The control: with the list alone one could not tell a filter that refuses everything."""
    numbers = libc.syscall_numbers(libc.machine() or "")
    harmless = [name for name in ("getpid", "sched_yield", "getuid", "umask") if name in ALLOWED]
    code = f"order.confine(Profile())\nprint([call(number) for number in {[numbers[name] for name in harmless]}])"
    assert python(code).stdout.decode().strip() == str([0] * len(harmless))


X86 = pytest.mark.skipif(libc.machine() != "x86_64", reason="machine code for x86-64")
# mov eax, 20 (getpid on i386); int 0x80; ret
THIRTY_TWO_BITS = """
code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
code.write(bytes.fromhex("b814000000cd80c3"))
entry = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
confine = sys.argv[1] == "confined"
if confine: order.confine(Profile())
os.write(1, str(entry() == os.getpid()).encode())
os._exit(0)
"""


@X86
@pytest.mark.kernel
def test_a_call_by_the_old_door_ends_the_process():
    control = python(THIRTY_TWO_BITS, "free")
    if control.stdout != b"True":
        pytest.skip("this kernel has no 32-bit calls")
    confined = python(THIRTY_TWO_BITS, "confined")
    assert confined.returncode == -signal.SIGSYS
    assert confined.stdout == b""


@X86
@pytest.mark.kernel
def test_x32_numbers_are_answered_by_the_filter():
    code = "order.confine(Profile())\nprint([call(0x40000000 | number) for number in (0, 39, 59, 520, 545)])"
    assert python(code).stdout.decode().strip() == str([errno.ENOSYS] * 5)


@pytest.mark.kernel
def test_a_number_with_high_bits_set_is_the_number_it_is():
    """The kernel takes 32 bits of the register; so does the filter, because it is given the same."""
    number = libc.syscall_numbers(libc.machine() or "")["socket"]
    code = f"order.confine(Profile())\nprint(call({number} | 1 << 32, 1, 1, 0), call({number}, 1, 1, 0))"
    first, second = python(code).stdout.decode().split()
    assert int(second) == errno.EPERM
    assert int(first) in (errno.EPERM, errno.ENOSYS)
