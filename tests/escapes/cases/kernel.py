"""Parts of the kernel that a worker has no business with."""

import mmap
import os
import platform
import struct

NUMBERS = {
    "x86_64": {"io_uring_setup": 425, "inotify_init1": 294, "inotify_add_watch": 254, "shmget": 29, "shmat": 30},
    "aarch64": {"io_uring_setup": 425, "inotify_init1": 26, "inotify_add_watch": 27, "shmget": 194, "shmat": 196},
}


def call(name, *arguments):
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return library.syscall(ctypes.c_long(NUMBERS[platform.machine()][name]), *words)


def asynchronous_rings(canary):
    """io_uring opens and reads files without open and read."""
    import ctypes

    descriptor = call("io_uring_setup", 4, ctypes.create_string_buffer(120))
    return "REACHED io_uring" if descriptor >= 0 else "refused"


def watch_a_folder(canary):
    """inotify is not governed by Landlock: file names and activity of any folder."""
    descriptor = call("inotify_init1", 0)
    if descriptor < 0:
        return "refused"
    watch = call("inotify_add_watch", descriptor, os.path.dirname(canary["secret_path"]).encode(), 0xFFF)
    return "REACHED inotify" if watch >= 0 else "refused"


def old_shared_memory(canary):
    """System V memory has no name in the file system."""
    import ctypes

    segment = call("shmget", canary["shared_key"], 0, 0)
    if segment < 0:
        return "refused"
    library = ctypes.CDLL(None)
    library.shmat.restype = ctypes.c_void_p
    address = library.shmat(segment, None, 0o10000)
    return ctypes.string_at(address, len(canary["token"])).decode() if address != 2**64 - 1 else "refused"


def named_shared_memory(canary):
    """POSIX shared memory without the module that raises events."""
    import _posixshmem

    descriptor = _posixshmem.shm_open("/" + canary["shared_name"], os.O_RDONLY, 0)
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as memory:
        return memory[: len(canary["token"])].decode()


def native_code_from_data(canary):
    """Machine code written into memory of one's own and called."""
    import ctypes

    codes = {"x86_64": b"\xb8\x2a\x00\x00\x00\xc3", "aarch64": struct.pack("<II", 0x52800540, 0xD65F03C0)}
    code = codes[platform.machine()]
    memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    memory.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    return "REACHED native code" if function() == 42 else "refused"


CASES = {
    "asynchronous-rings": ("surface", asynchronous_rings),
    "watch-a-folder": ("surface", watch_a_folder),
    "old-shared-memory": ("token", old_shared_memory),
    "named-shared-memory": ("token", named_shared_memory),
    "native-code-from-data": ("surface", native_code_from_data),
}
