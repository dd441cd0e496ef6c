"""Using up what the host needs. Every case stops by itself a little above the limit."""

import mmap
import os
import resource
import signal
import threading
import time

MIB = 1024 * 1024


def private_memory(canary):
    """The ordinary way."""
    held = []
    for _ in range(canary["memory_mib"] + 64):
        held.append(bytearray(MIB))
    return f"EXCEEDED {len(held)} MiB"


def shared_memory(canary):
    """Shared anonymous memory is not data."""
    memory = mmap.mmap(-1, (canary["memory_mib"] + 64) * MIB)
    for page in range(0, len(memory), 4096):
        memory[page] = 1
    return f"EXCEEDED {len(memory) // MIB} MiB"


def stack_like_memory(canary):
    """A mapping that grows down counts as stack, not as data."""
    import ctypes

    library = ctypes.CDLL(None)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 4]
    size = (canary["memory_mib"] + 64) * MIB
    address = library.mmap(None, size, 3, 0x122, -1, 0)
    if address in (None, 2**64 - 1):
        return "refused"
    ctypes.memset(address, 1, size)
    return f"EXCEEDED {size // MIB} MiB"


def raised_limits(canary):
    """A soft limit is raised to its hard limit."""
    for which in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
        resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return private_memory(canary)


def one_big_file(canary):
    """Fill the disk."""
    with open(os.path.join(canary["workdir"], "big"), "wb") as file:
        for _ in range(canary["file_mib"] + 8):
            file.write(bytes(MIB))
            file.flush()
    return "EXCEEDED the file size"


def many_descriptors(canary):
    """Use up the descriptors."""
    held = [os.dup(1) for _ in range(canary["files"] + 8)]
    return f"EXCEEDED {len(held)} descriptors"


def endless_computation(canary):
    """Catch the warning and go on."""
    signal.signal(signal.SIGXCPU, lambda *_: None)
    while time.process_time() < canary["cpu_seconds"] + 1:
        pass
    return "EXCEEDED the processor time"


def many_threads(canary):
    """Threads cost stack, and stack is data."""
    release = threading.Event()
    started = 0
    threading.stack_size(8 * MIB)
    try:
        for _ in range(canary["memory_mib"] // 8 + 8):
            threading.Thread(target=release.wait, daemon=True).start()
            started += 1
    finally:
        release.set()
    return f"EXCEEDED with {started} threads"


def memory_in_a_file(canary):
    """A file in memory is not the process's memory."""
    file, block = os.memfd_create("held"), bytes(MIB)
    for _ in range(canary["memory_mib"] + 64):
        os.write(file, block)
    return f"EXCEEDED {canary['memory_mib'] + 64} MiB"


def old_shared_memory(canary):
    """System V memory is nobody's, and stays when its maker has gone."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    size = (canary["memory_mib"] + 64) * MIB
    segment = library.shmget(0, ctypes.c_size_t(size), 0o1600)
    if segment < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    library.shmat.restype = ctypes.c_void_p
    address = library.shmat(segment, None, 0)
    library.shmctl(segment, 0, None)
    ctypes.memset(address, 1, size)
    return f"EXCEEDED {size // MIB} MiB"


def many_small_files(canary):
    """No file is too large; together they are."""
    for number in range(canary["file_mib"] // 2 + 4):
        with open(os.path.join(canary["workdir"], f"small{number}"), "wb") as file:
            file.write(bytes(2 * MIB))
    time.sleep(canary["disk_seconds"])  # time for whoever counts
    return "EXCEEDED the folder's size"


SECONDS = {"many-small-files": 60.0}

CASES = {
    "private-memory": ("exceed", private_memory),
    "shared-memory": ("exceed", shared_memory),
    "stack-like-memory": ("exceed", stack_like_memory),
    "raised-limits": ("exceed", raised_limits),
    "one-big-file": ("exceed", one_big_file),
    "many-descriptors": ("exceed", many_descriptors),
    "endless-computation": ("exceed", endless_computation),
    "many-threads": ("exceed", many_threads),
    "memory-in-a-file": ("exceed", memory_in_a_file),
    "many-small-files": ("exceed", many_small_files),
    "old-shared-memory-amount": ("exceed", old_shared_memory),
}
