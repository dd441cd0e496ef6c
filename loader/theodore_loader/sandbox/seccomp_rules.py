"""Which system calls a confined process may make: an allow-list, with the reason beside what is not obvious.

Three lists. ``ALLOWED`` pass, ``conditional()`` pass when their arguments fit, ``REFUSED`` answer EPERM. A call on no
list (new in a later kernel, or never used by Python) answers ENOSYS, so that libraries fall back to what they did
before that call existed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theodore_loader.sandbox.profile import Profile

WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on one argument: ``argument & mask`` is (or with ``negate`` is not) one of ``values``.

    Narrow checks look at the low 32 bits only: the kernel takes flags, commands and descriptors as 32-bit values and
    ignores the rest of the register, so must we (CVE-2019-10063). ``wide`` compares all 64 bits: pointers.
    """

    argument: int
    values: tuple[int, ...]
    mask: int = WORD
    negate: bool = False
    wide: bool = False


Clause = tuple[Check, ...]
"""All checks must hold."""

Conditions = tuple[Clause, ...]
"""One clause must hold."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the rules depend on besides the profile.

    ``signals_scoped``: Landlock keeps signals inside the sandbox, so a process tree may signal its own members.
    ``exec_address``: the one address from which ``execve`` may take its path, or 0.
    """

    pid: int
    landlock_abi: int
    signals_scoped: bool
    exec_address: int = 0


ALLOWED: tuple[str, ...] = (
    # descriptors and data
    *("read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2"),
    *("close", "close_range", "lseek", "dup", "dup2", "dup3", "pipe", "sendfile", "copy_file_range"),
    *("fsync", "fdatasync", "sync_file_range", "ftruncate", "fallocate", "fadvise64", "readahead", "flock"),
    # paths: Landlock decides which
    *("stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2"),
    *("readlink", "readlinkat", "getcwd", "chdir", "fchdir", "getdents", "getdents64", "statfs", "fstatfs"),
    *("mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat"),
    *("creat", "umask"),
    # memory
    *("munmap", "mremap", "madvise", "brk", "msync", "mincore", "membarrier"),
    # threads and time
    *("futex", "futex_waitv", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "sched_yield"),
    *("clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times"),
    *("getitimer", "setitimer", "alarm", "timerfd_create", "timerfd_settime", "timerfd_gettime", "getcpu"),
    # signals to itself
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait"),
    *("sigaltstack", "pause", "restart_syscall"),
    # waiting
    *("poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait"),
    *("epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "wait4", "waitid"),
    # sockets that already exist: the channel, the pairs of an event loop, what the broker handed over
    *("recvfrom", "recvmsg", "recvmmsg", "shutdown", "getsockname", "getpeername", "getsockopt"),
    # about itself
    *("getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid"),
    *("getgroups", "getpgrp", "getpgid", "getsid", "getrlimit", "getrusage", "getrandom", "uname", "sysinfo"),
    *("exit", "exit_group", "capget"),
)

REFUSED: tuple[str, ...] = (
    # the network
    *("socket", "connect", "bind", "listen", "accept", "accept4"),
    # other processes
    *("fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "tkill"),
    *("pidfd_open", "pidfd_getfd", "pidfd_send_signal", "process_madvise", "process_mrelease"),
    *("setpriority", "getpriority", "ioprio_set", "ioprio_get", "sched_setparam", "sched_setscheduler"),
    *("sched_setattr", "sched_setaffinity", "setrlimit", "setpgid", "setsid", "migrate_pages", "move_pages"),
    # metadata, which Landlock does not govern
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat"),
    *("futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
    *("mknod", "mknodat", "symlink", "symlinkat", "truncate", "name_to_handle_at", "open_by_handle_at"),
    # watching what Landlock would not show
    *("inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_init", "fanotify_mark"),
    # ways to do the above without the above
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "io_submit", "bpf", "userfaultfd"),
    *("perf_event_open", "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
    # memory that RLIMIT_DATA does not count, or that outlives the process
    *("memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "shmdt", "remap_file_pages"),
    *("msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop", "semtimedop", "semctl"),
    *("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr"),
    *("add_key", "request_key", "keyctl"),
    # identity and the machine
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups"),
    *("capset", "personality", "unshare", "setns", "chroot", "pivot_root", "mount", "umount2", "mount_setattr"),
    *("move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "swapon", "swapoff", "quotactl"),
    *("quotactl_fd", "acct", "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module"),
    *("delete_module", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname"),
    *("setdomainname", "syslog", "vhangup", "iopl", "ioperm", "modify_ldt", "sync", "syncfs", "ustat", "sysfs"),
    *("timer_create", "mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node", "uselib"),
)

UNSUPPORTED: tuple[str, ...] = ("getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr")
"""Answer ENOTSUP, as a file system without extended attributes does: callers know what to do then."""

METADATA: tuple[str, ...] = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "utimensat", "futimesat"),
)

_CLONE_PARENT, _CLONE_PTRACE = 0x00008000, 0x00002000
_CLONE_THREAD, _CLONE_NEW_ANY = 0x00010000, 0x7E020080  # the latter: user, pid, net, ipc, uts, cgroup, mount, time
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_GROWSDOWN = 0x01, 0x20, 0x0100
_PROT_WRITE, _PROT_EXEC = 0x2, 0x4
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _TYPE_MASK = 1, 2, 0xF
_MSG_FASTOPEN = 0x20000000
_O_TRUNC, _O_ACCMODE = 0o1000, 0o3
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


def conditional(profile: Profile, situation: Situation) -> Mapping[str, Conditions]:
    """Return the calls whose arguments decide, in the order they are tested (the frequent first)."""
    own = Check(0, (situation.pid,))
    return {
        **_memory(profile, situation),
        **_files(profile, situation),
        **_sending(profile),
        "fcntl": ((Check(1, _FCNTL),), (Check(1, (_F_SETFL,)), Check(2, (0,), _O_ASYNC))),
        "ioctl": ((Check(1, _IOCTL),),),
        "prctl": ((Check(0, _PRCTL),),),
        "arch_prctl": ((Check(0, _ARCH_PRCTL),),),
        "prlimit64": ((Check(0, (0, situation.pid)), Check(2, (0,), wide=True)),),
        "sched_getaffinity": ((Check(0, (0, situation.pid)),),),
        "socketpair": ((Check(0, (_AF_UNIX,)), Check(1, (_STREAM,), _TYPE_MASK)),),
        "setsockopt": tuple((Check(1, (level,)), Check(2, names)) for level, names in _SOCKET_OPTIONS.items()),
        **_signals(situation, own, tree=profile.subprocesses > 0),
        **_processes(profile, situation),
    }


def refused(profile: Profile) -> tuple[str, ...]:
    """Return the calls that answer EPERM."""
    return tuple(name for name in REFUSED if name not in ignored(profile))


def ignored(profile: Profile) -> tuple[str, ...]:
    """Return the calls that answer success and do nothing."""
    return METADATA if profile.metadata_changes == "ignore" else ()


def allowed(profile: Profile) -> tuple[str, ...]:
    """Return the calls that pass whatever their arguments."""
    extra = (("symlink", "symlinkat") if profile.symlinks else ()) + (("connect",) if profile.sockets != "none" else ())
    forking = ("fork", "vfork", "execve") if profile.subprocesses else ()
    return ALLOWED + extra + forking


def _outbound(profile: Profile) -> bool:
    return profile.sockets == "outbound"


def _memory(profile: Profile, situation: Situation) -> Mapping[str, Conditions]:
    # Shared anonymous memory and growing-down mappings are the two kinds RLIMIT_DATA does not count.
    counted = (
        Check(3, (_MAP_SHARED | _MAP_ANONYMOUS,), _MAP_SHARED | _MAP_ANONYMOUS, negate=True),
        Check(3, (0,), _MAP_GROWSDOWN),
    )
    if not profile.write_xor_execute:
        return {"mmap": (counted,), "mprotect": ((),)}
    if not situation.exec_address and not profile.subprocesses:
        harmless = (Check(2, (0,), _PROT_EXEC),)
        return {"mmap": ((*counted, *harmless),), "mprotect": (harmless,)}
    # A program that is still to be started maps its own code from files, and needs no more than that.
    from_file = (Check(2, (_PROT_EXEC,), _PROT_WRITE | _PROT_EXEC), Check(3, (0,), _MAP_ANONYMOUS))
    data = (Check(2, (0,), _PROT_EXEC),)
    return {"mmap": ((*counted, *data), (*counted, *from_file)), "mprotect": (data,)}


def _files(profile: Profile, situation: Situation) -> Mapping[str, Conditions]:
    # Where Landlock is older than its truncate right, O_RDONLY|O_TRUNC truncates with the right to read only; the
    # flags of openat2 are in memory, where a filter cannot look.
    def opening(flags: int) -> Conditions:
        return ((Check(flags, (0,), _O_TRUNC),), (Check(flags, (0,), _O_ACCMODE, negate=True),))

    by_path: Mapping[str, Conditions] = {"truncate": ((),), "openat2": ((),)} if situation.landlock_abi >= 3 else {}
    return {
        "openat": opening(2),
        "open": opening(1),
        "pipe2": ((Check(1, (0,), _O_NOTIFICATION_PIPE),),),
        **by_path,
    }


def _sending(profile: Profile) -> Mapping[str, Conditions]:
    # MSG_FASTOPEN connects without connect(2); an address on sendto() reaches any datagram socket.
    plain = Check(3, (0,), _MSG_FASTOPEN)
    addressed = () if _outbound(profile) else (Check(4, (0,), wide=True),)
    calls: dict[str, Conditions] = {
        "sendto": ((plain, *addressed),),
        "sendmsg": ((Check(2, (0,), _MSG_FASTOPEN),),),
        "sendmmsg": ((plain,),),
    }
    if _outbound(profile):
        internet = Check(0, (_AF_INET, _AF_INET6))
        calls["socket"] = (
            (internet, Check(1, (_STREAM,), _TYPE_MASK), Check(2, (0, 6))),
            (internet, Check(1, (_DATAGRAM,), _TYPE_MASK), Check(2, (0, 17))),
        )
    elif profile.sockets == "ports":
        calls["socket"] = ((Check(0, (_AF_INET,)), Check(1, (_STREAM,), _TYPE_MASK), Check(2, (0, 6))),)
    return calls


def _signals(situation: Situation, own: Check, *, tree: bool) -> Mapping[str, Conditions]:
    anyone: Conditions = ((),) if tree and situation.signals_scoped else ((own,),)
    return {"kill": anyone, "tgkill": anyone, "rt_sigqueueinfo": ((own,),), "rt_tgsigqueueinfo": ((own,),)}


def _processes(profile: Profile, situation: Situation) -> Mapping[str, Conditions]:
    # No namespace; no child that is the host's instead of the worker's (CLONE_PARENT), nor one traced by its tracer.
    no_namespace = Check(0, (0,), _CLONE_NEW_ANY | _CLONE_PARENT | _CLONE_PTRACE)
    if profile.subprocesses:
        return {"clone": ((no_namespace,),)}
    calls: dict[str, Conditions] = {"clone": ((no_namespace, Check(0, (_CLONE_THREAD,), _CLONE_THREAD)),)}
    if situation.exec_address:
        calls["execve"] = ((Check(0, (situation.exec_address,), wide=True),),)
    return calls
