"""When the calls of ``syscall_lists.CONDITIONAL`` and ``METADATA`` pass: conditions on the profile and on arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theodore_loader.sandbox import syscall_lists
from theodore_loader.sandbox.shape import OWN_PID, PROGRAM, Shape

WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on one argument: ``argument & mask`` is (or with ``negate`` is not) one of ``values``.

    Narrow checks look at the low 32 bits only: the kernel takes flags, commands and descriptors as 32-bit values and
    ignores the rest of the register, so must we (CVE-2019-10063). ``wide`` compares all 64 bits of one value: pointers.
    """

    argument: int
    values: tuple[int | str, ...]
    mask: int = WORD
    negate: bool = False
    wide: bool = False


Clause = tuple[Check, ...]
"""All checks must hold."""

Conditions = tuple[Clause, ...]
"""One clause must hold."""

ALWAYS: Conditions = ((),)


_FIRST_ABI_WITH_TRUNCATE = 3
_CLONE_PARENT, _CLONE_PTRACE = 0x00008000, 0x00002000
_CLONE_THREAD, _CLONE_NEW_ANY = 0x00010000, 0x7E020080  # the latter: user, pid, net, ipc, uts, cgroup, mount, time
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_GROWSDOWN = 0x01, 0x20, 0x0100
_PROT_WRITE, _PROT_EXEC = 0x2, 0x4
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _TYPE_MASK = 1, 2, 0xF
_MSG_FASTOPEN = 0x20000000
_O_TRUNC, _O_ACCMODE = 0o1000, 0o3
_SET_ID = 0o6000
_O_NOTIFICATION_PIPE = 0o200
_O_ASYNC, _F_SETFL = 0o20000, 4
_FCNTL = (0, 1, 2, 3, 5, 6, 7, 36, 37, 38, 1030, 1032)  # DUPFD..GETFL, (OFD) locks, DUPFD_CLOEXEC, GETPIPE_SZ
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIO(N)CLEX
_PRCTL = (2, 3, 15, 16, 21, 39, 0x53564D41)  # GET_PDEATHSIG/DUMPABLE, SET/GET_NAME, GET_SECCOMP/NNP, SET_VMA
_ARCH_PRCTL = (0x1002, 0x1003)  # ARCH_SET_FS and ARCH_GET_FS: thread-local storage of a new program
_SOCKET_OPTIONS: Mapping[int, tuple[int, ...]] = {
    1: (2, 7, 8, 9, 10, 13, 20, 21, 66, 67),  # SOL_SOCKET: reuse, buffers, keep-alive, linger, time-outs
    6: (1, 3, 4, 5, 6, 12, 18, 25),  # TCP: no delay, cork, keep-alive, quick ack, user time-out; no ULP, no repair
    0: (1,),  # IP_TOS
    41: (26, 67),  # IPV6_V6ONLY, IPV6_TCLASS
}
_RESOLVER_OPTIONS: Mapping[int, tuple[int, ...]] = {0: (11,), 41: (25,)}
"""``IP_RECVERR``, ``IPV6_RECVERR``: glibc asks for them on every socket it resolves names with, or gives up."""


_SO_PEERPIDFD = 77
_SELF = Check(0, (0, OWN_PID))


def conditional(shape: Shape) -> Mapping[str, Conditions]:
    """Return when calls of ``CONDITIONAL`` and ``METADATA`` pass; those that are missing never do."""
    return {
        **_memory(shape),
        **_files(shape),
        **_sockets(shape),
        "fcntl": ((Check(1, _FCNTL),), (Check(1, (_F_SETFL,)), Check(2, (0,), _O_ASYNC))),
        "ioctl": ((Check(1, _IOCTL),),),
        "prctl": ((Check(0, _PRCTL),),),
        "arch_prctl": ((Check(0, _ARCH_PRCTL),),),
        **_processes(shape),
        **_metadata(shape),
    }


def answers_success(shape: Shape) -> tuple[str, ...]:
    """Return the calls that answer success and do nothing."""
    return syscall_lists.METADATA if shape.metadata == "ignore" else ()


def _memory(shape: Shape) -> Mapping[str, Conditions]:
    # Shared anonymous memory and growing-down mappings are the two kinds RLIMIT_DATA does not count.
    counted = (
        Check(3, (_MAP_SHARED | _MAP_ANONYMOUS,), _MAP_SHARED | _MAP_ANONYMOUS, negate=True),
        Check(3, (0,), _MAP_GROWSDOWN),
    )
    if not shape.write_xor_execute:
        return {"mmap": (counted,), "mprotect": ALWAYS}
    data = Check(2, (0,), _PROT_EXEC)
    if not shape.runs_program and not shape.subprocesses:
        return {"mmap": ((*counted, data),), "mprotect": ((data,),)}
    # A program that is still to be started maps its own code from files, and needs no more than that.
    from_file = (Check(2, (_PROT_EXEC,), _PROT_WRITE | _PROT_EXEC), Check(3, (0,), _MAP_ANONYMOUS))
    return {"mmap": ((*counted, data), (*counted, *from_file)), "mprotect": ((data,),)}


def _files(shape: Shape) -> Mapping[str, Conditions]:
    # Where Landlock is older than its truncate right, O_RDONLY|O_TRUNC truncates with the right to read only. A file
    # that is made with a set-id bit outlives the sandbox, and belongs to the host's user.
    def opening(flags: int) -> Conditions:
        plain = Check(flags + 1, (0,), _SET_ID)
        return ((Check(flags, (0,), _O_TRUNC), plain), (Check(flags, (0,), _O_ACCMODE, negate=True), plain))

    calls: dict[str, Conditions] = {
        "openat": opening(2),
        "open": opening(1),
        "creat": ((Check(1, (0,), _SET_ID),),),
        "pipe2": ((Check(1, (0,), _O_NOTIFICATION_PIPE),),),
    }
    if shape.landlock_abi >= _FIRST_ABI_WITH_TRUNCATE:
        calls["truncate"] = ALWAYS
    if shape.symlinks:
        calls["symlink"] = calls["symlinkat"] = ALWAYS
    return calls


def _metadata(shape: Shape) -> Mapping[str, Conditions]:
    if shape.metadata != "allow":
        return {}
    modes: Mapping[str, int] = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}
    rest = {name: ALWAYS for name in syscall_lists.METADATA if name not in modes}
    return {**rest, **{name: ((Check(argument, (0,), _SET_ID),),) for name, argument in modes.items()}}


def _sockets(shape: Shape) -> Mapping[str, Conditions]:
    # MSG_FASTOPEN connects without connect(2); an address on sendto() reaches any datagram socket.
    plain = Check(3, (0,), _MSG_FASTOPEN)
    addressed = () if shape.sockets == "outbound" else (Check(4, (0,), wide=True),)
    calls: dict[str, Conditions] = {
        "sendto": ((plain, *addressed),),
        "sendmsg": ((Check(2, (0,), _MSG_FASTOPEN),),),
        "sendmmsg": ((plain,),),
        "socketpair": ((Check(0, (_AF_UNIX,)), Check(1, (_STREAM,), _TYPE_MASK)),),
        "setsockopt": _options(_SOCKET_OPTIONS),
        "getsockopt": ((Check(2, (_SO_PEERPIDFD,), negate=True),),),  # a handle on the process at the other end
    }
    internet = Check(0, (_AF_INET, _AF_INET6))
    if shape.sockets == "outbound":
        calls["setsockopt"] += _options(_RESOLVER_OPTIONS)
        calls["socket"] = (
            (internet, Check(1, (_STREAM,), _TYPE_MASK), Check(2, (0, 6))),
            (internet, Check(1, (_DATAGRAM,), _TYPE_MASK), Check(2, (0, 17))),
        )
    elif shape.sockets == "ports":
        calls["socket"] = ((Check(0, (_AF_INET,)), Check(1, (_STREAM,), _TYPE_MASK), Check(2, (0, 6))),)
    if shape.sockets != "none":
        calls["connect"] = ALWAYS
    return calls


def _options(allowed: Mapping[int, tuple[int, ...]]) -> Conditions:
    return tuple((Check(1, (level,)), Check(2, names)) for level, names in allowed.items())


def _processes(shape: Shape) -> Mapping[str, Conditions]:
    tree = shape.subprocesses
    own: Conditions = ((Check(0, (OWN_PID,)),),)
    itself: Conditions = ((_SELF,),)
    signalled = ALWAYS if tree and shape.signals_scoped else own
    calls: dict[str, Conditions] = {
        "kill": signalled,
        "tgkill": signalled,
        "rt_sigqueueinfo": own,
        "rt_tgsigqueueinfo": own,
        "getpgid": ALWAYS if tree else itself,
        "getsid": ALWAYS if tree else itself,
        "prlimit64": ((_SELF, Check(2, (0,), wide=True)),),
        **dict.fromkeys(_OWN_SCHEDULING, itself),
        "clone": _cloning(shape),
    }
    if tree:
        calls.update(dict.fromkeys(("fork", "vfork", "execve"), ALWAYS))
    elif shape.runs_program:
        calls["execve"] = ((Check(0, (PROGRAM,), wide=True),),)
    return calls


_OWN_SCHEDULING = (
    *("sched_getaffinity", "sched_getscheduler", "sched_getparam", "sched_getattr", "sched_rr_get_interval"),
)


def _cloning(shape: Shape) -> Conditions:
    # No namespace; no child that is the host's instead of the worker's (CLONE_PARENT), nor one traced by its tracer.
    plain = Check(0, (0,), _CLONE_NEW_ANY | _CLONE_PARENT | _CLONE_PTRACE)
    return ((plain,),) if shape.subprocesses else ((plain, Check(0, (_CLONE_THREAD,), _CLONE_THREAD)),)
