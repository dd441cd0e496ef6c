"""Other programs, other processes, and the host's own."""

import errno
import fcntl
import os
import resource
import signal
import socket
import struct
import time


def shell_by_spawn(canary):
    """posix_spawn has an event of its own."""
    child = os.posix_spawn("/bin/sh", ["sh", "-c", f"cat {canary['secret_path']} > {canary['marker']}"], {})
    os.waitpid(child, 0)
    return "spawned"


def fork_exec_without_event(canary):
    """What subprocess calls underneath raises no event before Python 3.14."""
    import _posixsubprocess

    read_end, write_end = os.pipe()
    argv = [b"/bin/sh", b"-c", f"cat {canary['secret_path']} > {canary['marker']}".encode()]
    arguments = [argv, (b"/bin/sh",), True, (write_end,), None, None, -1, -1, -1, -1, -1, -1]
    arguments += [read_end, write_end, True, False, 0, None, None, None, -1, None, False]
    child = _posixsubprocess.fork_exec(*arguments)
    os.waitpid(child, 0)
    return "executed"


def replace_this_process(canary):
    """exec needs no fork."""
    os.execv("/bin/sh", ["sh", "-c", f"cat {canary['secret_path']} > {canary['marker']}"])


def script_in_own_folder(canary):
    """A program written where writing is granted."""
    program = os.path.join(canary["workdir"], "program")
    with open(program, "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as file:
        file.write(f"#!/bin/sh\ncat {canary['secret_path']} > {canary['marker']}\n")
    child = os.posix_spawn(program, [program], {})
    os.waitpid(child, 0)
    return "ran"


def program_in_memory(canary):
    """A program that is no file: memfd and exec of its descriptor."""
    descriptor = os.memfd_create("program")
    with open("/bin/sh", "rb") as source:
        os.write(descriptor, source.read())
    command = f"cat {canary['secret_path']} > {canary['marker']}"
    os.execve(f"/proc/self/fd/{descriptor}", ["sh", "-c", command], {})


def outlive_the_call(canary):
    """Double fork and a session of its own: nobody's child."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(0.3)
        with open(canary["late_marker"], "w") as file:
            file.write(canary["token"])
        os._exit(0)
    os.waitpid(child, 0)
    return "left behind"


def signal_the_host(canary):
    """Straight."""
    os.kill(canary["host_pid"], signal.SIGUSR1)
    return "sent"


def signal_by_owner(canary):
    """The kernel sends the signal for us when our socket has data."""
    ours, theirs = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, canary["host_pid"])
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    theirs.send(b"x")
    return "sent"


def signal_by_descriptor(canary):
    """A pidfd instead of a pid."""
    process = os.pidfd_open(canary["host_pid"])
    signal.pidfd_send_signal(process, signal.SIGUSR1)
    return "sent"


def slow_the_host(canary):
    """No event, and the kernel allows it between processes of one user."""
    os.setpriority(os.PRIO_PROCESS, canary["host_pid"], 7)
    return "renice"


def pin_the_host(canary):
    """The same for its processors."""
    os.sched_setaffinity(canary["host_pid"], {0})
    return "pinned"


def limit_the_host(canary):
    """The same for its limits."""
    resource.prlimit(canary["host_pid"], resource.RLIMIT_CORE, (0, 0))
    return "limited"


def read_host_memory(canary):
    """process_vm_readv needs no file."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(len(canary["token"]))
    local = struct.pack("QQ", ctypes.addressof(buffer), len(buffer))
    remote = struct.pack("QQ", canary["host_address"], len(buffer))
    pid = ctypes.c_int(canary["host_pid"])
    one, none = ctypes.c_ulong(1), ctypes.c_ulong(0)
    size = library.process_vm_readv(pid, local, one, remote, one, none)
    return buffer.value.decode() if size > 0 else "refused"


def read_host_memory_file(canary):
    """/proc/<pid>/mem does."""
    with open(f"/proc/{canary['host_pid']}/mem", "rb", buffering=0) as memory:
        memory.seek(canary["host_address"])
        return memory.read(len(canary["token"])).decode()


def read_inherited_environment(canary):
    """Clearing os.environ does not clear what exec put on the stack."""
    os.environ.clear()
    with open("/proc/self/environ") as file:
        return file.read()


def read_inherited_descriptor(canary):
    """Reading a descriptor raises no event."""
    found = []
    for descriptor in range(3, 64):
        try:
            found.append(os.pread(descriptor, 4096, 0).decode("latin-1"))
        except OSError:
            continue
    return " ".join(found)


def raw(numbers, *arguments):
    """Make a system call by its number on x86-64 and arm64; raise what it answers."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    answer = library.syscall(ctypes.c_long(numbers[os.uname().machine != "x86_64"]), *words)
    if answer < 0:
        raise OSError(ctypes.get_errno(), errno.errorcode.get(ctypes.get_errno(), "?"))
    return answer


def fork_without_event(canary):
    """The system call itself, past Python and the C library."""
    arguments = (17, 0, 0, 0, 0)  # SIGCHLD and nothing shared
    if raw((56, 220), *arguments) == 0:
        time.sleep(0.3)
        with open(canary["late_marker"], "w") as file:
            file.write(canary["token"])
        os._exit(0)
    return "left behind"


def program_by_the_loader(canary):
    """The dynamic loader runs programs that are not executable themselves."""
    loader = next(
        path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1") if os.path.exists(path)
    )
    command = f"cat {canary['secret_path']} > {canary['marker']}"
    child = os.posix_spawn(loader, [loader, "/bin/sh", "-c", command], {})
    os.waitpid(child, 0)
    return "ran"


def shell_by_the_library(canary):
    """system(3)."""
    os.system(f"cat {canary['secret_path']} > {canary['marker']}")
    return "ran"


def trace_the_host(canary):
    """A debugger reads everything."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.restype = ctypes.c_long
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    if library.ptrace(16, canary["host_pid"], None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(canary["host_pid"], 0x40000000)  # __WALL
    words = [library.ptrace(2, canary["host_pid"], canary["host_address"] + at, None) for at in (0, 8, 16)]
    library.ptrace(17, canary["host_pid"], None, None)
    return b"".join(struct.pack("<q", word) for word in words).rstrip(b"\0").decode()


def take_a_descriptor(canary):
    """pidfd_getfd copies what another process has open."""
    process = os.pidfd_open(canary["host_pid"])
    file = raw((438, 438), process, canary["host_descriptor"], 0)
    return os.pread(file, 4096, 0).decode()


def descriptor_below_proc(canary):
    """/proc/<pid>/fd names what another process has open."""
    with open(f"/proc/{canary['host_pid']}/fd/{canary['host_descriptor']}") as file:
        return file.read()


def signal_the_group(canary):
    """A group instead of a process."""
    os.killpg(canary["host_pid"], signal.SIGUSR1)
    return "sent"


def signal_with_a_value(canary):
    """A queued signal is another system call."""
    raw(
        (129, 138),
        canary["host_pid"],
        10,
        struct.pack("<iii4xii", 10, 0, -1, os.getpid(), os.getuid()).ljust(128, b"\0"),
    )
    return "sent"


def signal_a_thread(canary):
    """tgkill names a thread."""
    raw((234, 131), canary["host_pid"], canary["host_pid"], 10)
    return "sent"


def idle_the_host(canary):
    """The host runs only when nobody else wants to."""
    os.sched_setscheduler(canary["host_pid"], os.SCHED_IDLE, os.sched_param(0))
    return "idle"


def starve_the_hosts_disk(canary):
    """The same for its disk."""
    raw((251, 30), 1, canary["host_pid"], 3 << 13)
    return "idle"


def offer_the_host(canary):
    """The kernel ends the host first when memory is short."""
    with open(f"/proc/{canary['host_pid']}/oom_score_adj", "w") as file:
        file.write("900")
    return "offered"


def forget_the_parent(canary):
    """Nothing would end this process with its host."""
    return "REACHED independence" if raw((157, 167), 1, 0, 0, 0, 0) == 0 else "refused"


def show_own_memory(canary):
    """Make this process's memory readable for its siblings."""
    return "REACHED dumpable" if raw((157, 167), 4, 1, 0, 0, 0) == 0 else "refused"


def attach_a_debugger(canary):
    """Python 3.14 runs a script in another interpreter."""
    import sys

    script = os.path.join(canary["workdir"], "script.py")
    with open(script, "w") as file:
        file.write(f"open({canary['late_marker']!r}, 'w').write({canary['token']!r})")
    sys.remote_exec(canary["host_pid"], script)
    return "attached"


ALONE = {"read-inherited-environment", "read-inherited-descriptor"}
WAIT = {"outlive-the-call": 0.6, "fork-without-event": 0.5, "attach-a-debugger": 0.5}

CASES = {
    "shell-by-spawn": ("exec", shell_by_spawn),
    "fork-exec-without-event": ("exec", fork_exec_without_event),
    "replace-this-process": ("exec", replace_this_process),
    "script-in-own-folder": ("exec", script_in_own_folder),
    "program-in-memory": ("exec", program_in_memory),
    "outlive-the-call": ("persist", outlive_the_call),
    "signal-the-host": ("signal", signal_the_host),
    "signal-by-owner": ("signal", signal_by_owner),
    "signal-by-descriptor": ("signal", signal_by_descriptor),
    "slow-the-host": ("host", slow_the_host),
    "pin-the-host": ("host", pin_the_host),
    "limit-the-host": ("host", limit_the_host),
    "read-host-memory": ("token", read_host_memory),
    "read-host-memory-file": ("token", read_host_memory_file),
    "read-inherited-environment": ("token", read_inherited_environment),
    "read-inherited-descriptor": ("token", read_inherited_descriptor),
    "fork-without-event": ("persist", fork_without_event),
    "program-by-the-loader": ("exec", program_by_the_loader),
    "shell-by-the-library": ("exec", shell_by_the_library),
    "trace-the-host": ("token", trace_the_host),
    "take-a-descriptor": ("token", take_a_descriptor),
    "descriptor-below-proc": ("token", descriptor_below_proc),
    "signal-the-group": ("signal", signal_the_group),
    "signal-with-a-value": ("signal", signal_with_a_value),
    "signal-a-thread": ("signal", signal_a_thread),
    "idle-the-host": ("host", idle_the_host),
    "starve-the-hosts-disk": ("host", starve_the_hosts_disk),
    "offer-the-host": ("host", offer_the_host),
    "forget-the-parent": ("surface", forget_the_parent),
    "show-own-memory": ("surface", show_own_memory),
    "attach-a-debugger": ("persist", attach_a_debugger),
}
