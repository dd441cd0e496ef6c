"""Other programs, other processes, and the host's own."""

import fcntl
import os
import resource
import signal
import socket
import struct
import time


def shell_by_spawn(canary):
    """posix_spawn has an event of its own."""
    child = os.posix_spawn("/bin/sh", ["sh", "-c", f"echo {canary['token']} > {canary['marker']}"], {})
    os.waitpid(child, 0)
    return "spawned"


def fork_exec_without_event(canary):
    """What subprocess calls underneath raises no event before Python 3.14."""
    import _posixsubprocess

    read_end, write_end = os.pipe()
    argv = [b"/bin/sh", b"-c", f"echo {canary['token']} > {canary['marker']}".encode()]
    arguments = [argv, (b"/bin/sh",), True, (write_end,), None, None, -1, -1, -1, -1, -1, -1]
    arguments += [read_end, write_end, True, False, 0, None, None, None, -1, None, False]
    child = _posixsubprocess.fork_exec(*arguments)
    os.waitpid(child, 0)
    return "executed"


def replace_this_process(canary):
    """exec needs no fork."""
    os.execv("/bin/sh", ["sh", "-c", f"echo {canary['token']} > {canary['marker']}"])


def script_in_own_folder(canary):
    """A program written where writing is granted."""
    program = os.path.join(canary["workdir"], "program")
    with open(program, "w", opener=lambda path, flags: os.open(path, flags, 0o700)) as file:
        file.write(f"#!/bin/sh\necho {canary['token']} > {canary['marker']}\n")
    child = os.posix_spawn(program, [program], {})
    os.waitpid(child, 0)
    return "ran"


def program_in_memory(canary):
    """A program that is no file: memfd and exec of its descriptor."""
    descriptor = os.memfd_create("program")
    with open("/bin/sh", "rb") as source:
        os.write(descriptor, source.read())
    command = f"echo {canary['token']} > {canary['marker']}"
    os.execve(f"/proc/self/fd/{descriptor}", ["sh", "-c", command], {})


def outlive_the_call(canary):
    """Double fork and a session of its own: nobody's child."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(0.7)
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
}
