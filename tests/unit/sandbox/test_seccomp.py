"""The compiled filters, run by a small interpreter of BPF: every architecture can be tested on every machine."""

from __future__ import annotations

import errno
import json
import struct
from dataclasses import replace
from typing import Any

import pytest

from theodore_loader.sandbox import handover, libc, seccomp
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.seccomp import slots, template
from theodore_loader.sandbox.seccomp_rules import Shape, conditional
from theodore_loader.sandbox.syscall_lists import ABSENT, ALLOWED, CONDITIONAL, METADATA, REFUSED, UNSUPPORTED

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
PID = 4711
PROGRAM = 0x7F00_1234_5678

ALLOW, KILL = "allow", "kill"


def run(code: bytes, data: bytes) -> int:
    """Interpret classic BPF (``linux/filter.h``), the six instructions a filter of ours has."""
    at = accumulator = 0
    while True:
        opcode, if_true, if_false, value = struct.unpack_from("=HBBI", code, at * 8)
        at += 1
        if opcode == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
        elif opcode == 0x54:
            accumulator &= value
        elif opcode == 0x05:
            at += value
        elif opcode in (0x15, 0x35):
            holds = accumulator == value if opcode == 0x15 else accumulator >= value
            at += if_true if holds else if_false
        elif opcode == 0x06:
            return int(value)
        else:
            raise AssertionError(f"instruction {opcode:#x} is not one a filter of ours has")


def verdict(name: str | int, *arguments: int, machine: str = "x86_64", **options: Any) -> object:
    architecture = options.pop("architecture", ARCHITECTURES[machine])
    known = {name: options.pop(name) for name in ("landlock_abi", "private_mounts", "runs_program") if name in options}
    shape = Shape.of(Profile(**options), **{"landlock_abi": 7, "private_mounts": False, "runs_program": False, **known})
    number = libc.syscall_numbers(machine)[name] if isinstance(name, str) else name
    words = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=iIQ6Q", number, architecture, 0, *(word & 2**64 - 1 for word in words))
    result = run(template(shape, machine).fill(slots(PID, PROGRAM)), data)
    if result == 0x7FFF0000:
        return ALLOW
    return KILL if result == 0x80000000 else errno.errorcode.get(result & 0xFFFF, "success")


@pytest.fixture(params=sorted(ARCHITECTURES))
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_foreign_architecture_is_killed(machine):
    other = {"x86_64": 0x40000003, "aarch64": 0x40000028}[machine]  # i386, 32-bit arm
    assert verdict("read", machine=machine, architecture=other) == KILL


def test_x32_numbers_are_unknown():
    assert verdict(libc.syscall_numbers("x86_64")["read"] | 0x40000000) == "ENOSYS"


def test_number_from_the_future_is_unknown(machine):
    assert verdict(1023, machine=machine) == "ENOSYS"


def test_clone3_is_unknown_so_that_the_c_library_falls_back(machine):
    assert verdict("clone3", machine=machine) == "ENOSYS"


@pytest.mark.parametrize("name", ALLOWED)
def test_ordinary_call_passes_on_every_architecture_that_has_it(machine, name):
    if name in libc.syscall_numbers(machine):
        assert verdict(name, machine=machine) == ALLOW


@pytest.mark.parametrize("name", REFUSED)
def test_dangerous_call_is_refused(machine, name):
    if name in libc.syscall_numbers(machine):
        assert verdict(name, machine=machine) == "EPERM"


LISTS = {
    "ALLOWED": ALLOWED,
    "CONDITIONAL": CONDITIONAL,
    "METADATA": METADATA,
    "REFUSED": REFUSED,
    "UNSUPPORTED": UNSUPPORTED,
    "ABSENT": ABSENT,
}


def test_every_call_of_the_kernel_is_on_exactly_one_list():
    known = set(libc.syscall_numbers("x86_64")) | set(libc.syscall_numbers("aarch64"))
    listed = [name for names in LISTS.values() for name in names]
    assert sorted(listed) == sorted(set(listed)), "a call is on two lists"
    assert set(listed) == known


def test_every_condition_belongs_to_a_call_that_may_depend_on_something():
    widest = Shape(sockets="outbound", subprocesses=True, metadata="allow", symlinks=True, landlock_abi=7)
    assert set(conditional(widest)) == set(CONDITIONAL) | set(METADATA)
    narrowest = Shape(runs_program=True)
    assert set(conditional(narrowest)) == set(CONDITIONAL) - {
        *("socket", "connect", "fork", "vfork", "symlink", "symlinkat", "truncate")
    }


@pytest.mark.parametrize("name", [name for name, number in libc.syscall_numbers("x86_64").items() if number > 440])
def test_young_call_answers_what_its_list_says(machine, name):
    (kept_on,) = (title for title, names in LISTS.items() if name in names)
    answers = {"ALLOWED": ALLOW, "UNSUPPORTED": "ENOTSUP", "ABSENT": "ENOSYS"}
    assert verdict(name, machine=machine) in (answers.get(kept_on, "EPERM"), "EOPNOTSUPP")


@pytest.mark.parametrize("name", ABSENT)
def test_call_nobody_needs_is_unknown(machine, name):
    if name in libc.syscall_numbers(machine):
        assert verdict(name, machine=machine) == "ENOSYS"


@pytest.mark.parametrize("number", [*range(335, 424), 500, 512, 547, 1023, 0x3FFFFFFF, 0x7FFFFFFF, -1])
def test_number_of_no_call_is_unknown(machine, number):
    unnamed = number not in libc.syscall_numbers(machine).values()
    assert verdict(number, machine=machine) == "ENOSYS" or not unnamed


@pytest.mark.parametrize("number", [0, 59, 101, 231, 520, 545])
def test_x32_numbers_are_unknown_whatever_they_would_do(number):
    assert verdict(0x40000000 | number) == "ENOSYS"


THREAD = 0x3D0F00  # what glibc passes to make a thread


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (THREAD,), ALLOW),
        ("clone", (17,), "EPERM"),  # fork
        ("clone", (THREAD | 0x10000000,), "EPERM"),  # with a user namespace
        ("clone", (THREAD | 1 << 40,), ALLOW),  # what the kernel ignores, so do we
        ("socketpair", (1, 1 | 0o2004000, 0), ALLOW),  # AF_UNIX, STREAM|CLOEXEC|NONBLOCK
        ("socketpair", (1, 2, 0), "EPERM"),
        ("socketpair", (1, 5, 0), "EPERM"),
        ("socketpair", (2, 1, 0), "EPERM"),
        ("sendto", (3, 0, 5, 0x4000, 0, 0), ALLOW),  # MSG_NOSIGNAL, no address
        ("sendto", (3, 0, 5, 0, 0x7F0000000000, 16), "EPERM"),
        ("sendto", (3, 0, 5, 0x20000000, 0, 0), "EPERM"),
        ("sendmsg", (3, 0, 0x20000000), "EPERM"),
        ("sendmmsg", (3, 0, 1, 0x20000000), "EPERM"),
        ("mmap", (0, 4096, 3, 0x22), ALLOW),
        ("mmap", (0, 4096, 3, 0x21), "EPERM"),  # shared and anonymous
        ("mmap", (0, 4096, 3, 0x23), "EPERM"),  # the same by MAP_SHARED_VALIDATE
        ("mmap", (0, 4096, 3, 0x122), "EPERM"),  # grows down
        ("mmap", (0, 4096, 3, 0x01, 5), ALLOW),  # a shared file
        ("kill", (PID, 9), ALLOW),
        ("kill", (1, 9), "EPERM"),
        ("kill", (0, 9), "EPERM"),
        ("kill", (-1, 9), "EPERM"),
        ("tgkill", (PID, 99, 6), ALLOW),
        ("tgkill", (1, 1, 6), "EPERM"),
        ("prlimit64", (0, 7, 0, 0x1000), ALLOW),
        ("prlimit64", (0, 7, 0x1000, 0), "EPERM"),
        ("prlimit64", (0, 7, 0x100000000, 0), "EPERM"),  # a pointer whose low half is zero
        ("prlimit64", (1, 7, 0, 0x1000), "EPERM"),
        ("fcntl", (3, 4, 0o4000), ALLOW),
        ("fcntl", (3, 4, 0o24000), "EPERM"),  # O_ASYNC
        ("fcntl", (3, 8, 1), "EPERM"),  # F_SETOWN
        ("fcntl", (3, 8 | 1 << 32, 1), "EPERM"),  # the same with a bit the kernel ignores
        ("fcntl", (3, 1024, 0), "EPERM"),  # F_SETLEASE
        ("ioctl", (0, 0x5413), ALLOW),
        ("ioctl", (0, 0x5412), "EPERM"),  # TIOCSTI
        ("ioctl", (0, 0x5412 | 1 << 32), "EPERM"),  # CVE-2019-10063
        ("prctl", (15,), ALLOW),
        ("prctl", (4, 1), "EPERM"),  # PR_SET_DUMPABLE
        ("prctl", (1, 0), "EPERM"),  # PR_SET_PDEATHSIG
        ("setsockopt", (3, 6, 1), ALLOW),  # TCP_NODELAY
        ("setsockopt", (3, 6, 31), "EPERM"),  # TCP_ULP
        ("setsockopt", (3, 1, 26), "EPERM"),  # SO_ATTACH_FILTER
        ("openat", (-100, 0, 0), ALLOW),
        ("openat", (-100, 0, 0o1001), ALLOW),  # O_WRONLY|O_TRUNC
        ("openat", (-100, 0, 0o1000), "EPERM"),  # O_RDONLY|O_TRUNC
        ("pipe2", (0, 0o2000000), ALLOW),
        ("pipe2", (0, 0o200), "EPERM"),  # O_NOTIFICATION_PIPE
        ("sched_getaffinity", (0,), ALLOW),
        ("sched_getaffinity", (1,), "EPERM"),
        ("sched_getparam", (PID,), ALLOW),
        ("sched_getparam", (1,), "EPERM"),
        ("getpgid", (0,), ALLOW),
        ("getsid", (1,), "EPERM"),
        ("getsockopt", (3, 1, 4), ALLOW),  # SO_ERROR
        ("getsockopt", (3, 1, 77), "EPERM"),  # SO_PEERPIDFD
        ("openat", (-100, 0, 0o102, 0o644), ALLOW),  # O_RDWR|O_CREAT
        ("openat", (-100, 0, 0o102, 0o4755), "EPERM"),  # a set-user-id file
        ("openat", (-100, 0, 0o1101, 0o2755), "EPERM"),  # a set-group-id file
        ("openat2", (), "ENOSYS"),  # its flags are in memory
        ("getxattr", (), "ENOTSUP"),
    ],
)
def test_arguments_decide(machine, name, arguments, expected):
    if expected == "ENOTSUP":
        assert verdict(name, *arguments, machine=machine) in ("ENOTSUP", "EOPNOTSUPP")
    else:
        assert verdict(name, *arguments, machine=machine) == expected


def test_path_truncate_waits_for_the_landlock_right(machine):
    assert verdict("truncate", machine=machine, landlock_abi=3) == ALLOW
    assert verdict("truncate", machine=machine, landlock_abi=2) == "EPERM"


def test_outbound_tools_reach_the_internet_and_nothing_local(machine):
    assert verdict("socket", 2, 1, 6, machine=machine, sockets="outbound") == ALLOW
    assert verdict("socket", 10, 2 | 0o2004000, 17, machine=machine, sockets="outbound") == ALLOW
    assert verdict("connect", machine=machine, sockets="outbound") == ALLOW
    for level, option in ((0, 11), (41, 25)):  # what the C library sets before it asks a name server
        assert verdict("setsockopt", 3, level, option, machine=machine, sockets="outbound") == ALLOW
        assert verdict("setsockopt", 3, level, option, machine=machine) == "EPERM"
    assert verdict("socket", 1, 1, 0, machine=machine, sockets="outbound") == "EPERM"
    assert verdict("socket", 2, 3, 1, machine=machine, sockets="outbound") == "EPERM"
    assert verdict("socket", 2, 1, 262, machine=machine, sockets="outbound") == "EPERM"
    for name in ("bind", "listen", "accept4"):
        assert verdict(name, machine=machine, sockets="outbound") == "EPERM"


def test_process_trees_may_fork_and_signal_themselves_where_signals_are_scoped(machine):
    assert verdict("clone", 17, machine=machine, subprocesses=3) == ALLOW
    assert verdict("execve", 0x1000, machine=machine, subprocesses=3) == ALLOW
    assert verdict("kill", 12, 9, machine=machine, subprocesses=3) == ALLOW
    assert verdict("kill", 12, 9, machine=machine, subprocesses=3, landlock_abi=5) == "EPERM"
    assert verdict("clone", 17 | 0x20000000, machine=machine, subprocesses=3) == "EPERM"


@pytest.mark.parametrize("flag", [0x8000, 0x2000], ids=["CLONE_PARENT", "CLONE_PTRACE"])
def test_a_child_is_its_parents_and_nobody_elses(machine, flag):
    assert verdict("clone", 17 | flag, machine=machine, subprocesses=3) == "EPERM"


@pytest.mark.parametrize("name", ["setsid", "setpgid"])
def test_nothing_leaves_the_process_group(machine, name):
    assert verdict(name, machine=machine, subprocesses=3) == "EPERM"
    assert verdict("setsid", machine=machine, subprocesses=3) == "EPERM"


def test_one_program_may_be_executed_from_one_address(machine):
    assert verdict("execve", PROGRAM, machine=machine, runs_program=True) == ALLOW
    assert verdict("execve", PROGRAM + 1, machine=machine, runs_program=True) == "EPERM"
    assert verdict("execve", PROGRAM & 0xFFFFFFFF, machine=machine, runs_program=True) == "EPERM"
    assert verdict("execve", PROGRAM, machine=machine) == "EPERM"


def test_write_xor_execute_refuses_new_code(machine):
    strict = {"machine": machine, "write_xor_execute": True}
    assert verdict("mmap", 0, 4096, 3, 0x22, **strict) == ALLOW
    assert verdict("mmap", 0, 4096, 5, 0x02, 3, **strict) == "EPERM"
    assert verdict("mprotect", 0, 4096, 1, **strict) == ALLOW
    assert verdict("mprotect", 0, 4096, 5, **strict) == "EPERM"
    assert verdict("mprotect", 0, 4096, 5, machine=machine) == ALLOW


def test_write_xor_execute_lets_a_program_still_to_start_map_its_files(machine):
    strict = {"machine": machine, "write_xor_execute": True, "runs_program": True}
    assert verdict("mmap", 0, 4096, 5, 0x02, 3, **strict) == ALLOW
    assert verdict("mmap", 0, 4096, 7, 0x02, 3, **strict) == "EPERM"
    assert verdict("mmap", 0, 4096, 5, 0x22, **strict) == "EPERM"


@pytest.mark.parametrize("name", METADATA)
def test_metadata_changes_are_refused_or_ignored_or_private(machine, name):
    if name in libc.syscall_numbers(machine):
        assert verdict(name, machine=machine) == "EPERM"
        assert verdict(name, machine=machine, metadata_changes="ignore") == "success"
        assert verdict(name, 3, 0, 0o755, machine=machine, private_mounts=True) == ALLOW


def test_no_file_gets_a_set_id_bit_even_where_metadata_is_private(machine):
    private = {"machine": machine, "private_mounts": True}
    assert verdict("fchmod", 3, 0o755, **private) == ALLOW
    assert verdict("fchmod", 3, 0o4755, **private) == "EPERM"
    assert verdict("fchmodat", -100, 0, 0o2755, **private) == "EPERM"
    assert verdict("fchmodat2", -100, 0, 0o4755, **private) == "EPERM"
    assert verdict("openat", -100, 0, 0o101, 0o4755, **private) == "EPERM"


def test_symbolic_links_only_where_the_profile_says_so(machine):
    assert verdict("symlinkat", machine=machine) == "EPERM"
    assert verdict("symlinkat", machine=machine, symlinks=True) == ALLOW


def test_a_tool_of_our_own_service_has_tcp_over_ipv4_and_no_other_socket(machine):
    assert verdict("socket", 2, 1 | 0o2004000, 6, machine=machine, sockets="ports") == ALLOW
    assert verdict("connect", machine=machine, sockets="ports") == ALLOW
    for family, kind, protocol in ((2, 2, 17), (10, 1, 6), (1, 1, 0), (2, 3, 1), (2, 1, 262)):
        assert verdict("socket", family, kind, protocol, machine=machine, sockets="ports") == "EPERM"
    assert verdict("sendto", 3, 0, 0, 0, 0x7F0000000000, machine=machine, sockets="ports") == "EPERM"
    assert verdict("sendto", 3, 0, 0, 0x20000000, 0, machine=machine, sockets="ports") == "EPERM"


def test_a_filter_that_was_handed_over_is_used_for_its_own_shape_only(monkeypatch):
    monkeypatch.setattr(seccomp, "_kept", {})
    machine = libc.machine()
    packed = handover.pack(Profile(), runs_program=True)
    if packed is None or machine is None:
        pytest.skip("no filters here")
    shape = Shape(**packed["shape"])
    assembled = template(shape, machine)
    seccomp._kept.clear()
    handover.unpack(json.loads(json.dumps(packed)))
    assert template(shape, machine) == assembled
    assert template(replace(shape, write_xor_execute=True), machine) != assembled
    assert len(seccomp._kept) == 2


def test_nothing_handed_over_is_nothing_kept(monkeypatch):
    monkeypatch.setattr(seccomp, "_kept", {})
    handover.unpack(None)
    assert not seccomp._kept
