"""Parts of the kernel that a worker has no business with."""

import errno
import mmap
import os
import platform
import struct

NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "fanotify_init": (300, 262),
    "inotify_add_watch": (254, 27),
    "inotify_init1": (294, 26),
    "io_setup": (206, 0),
    "io_uring_setup": (425, 425),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "semctl": (66, 191),
    "semget": (64, 190),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}


def call(name, *arguments):
    """Make a system call and raise what it answers."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    answer = library.syscall(ctypes.c_long(NUMBERS[name][platform.machine() != "x86_64"]), *words)
    if answer == -1:
        raise OSError(ctypes.get_errno(), errno.errorcode.get(ctypes.get_errno(), "?"))
    return answer


def asynchronous_rings(canary):
    """io_uring opens and reads files without open and read."""
    import ctypes

    call("io_uring_setup", 4, ctypes.create_string_buffer(120))
    return "REACHED io_uring"


def asynchronous_requests(canary):
    """The older interface of that kind."""
    import ctypes

    call("io_setup", 4, ctypes.create_string_buffer(8))
    return "REACHED aio"


def watch_a_folder(canary):
    """inotify is not governed by Landlock: file names and activity of any folder."""
    descriptor = call("inotify_init1", 0)
    call("inotify_add_watch", descriptor, os.path.dirname(canary["secret_path"]).encode(), 0xFFF)
    return "REACHED inotify"


def watch_everything(canary):
    """fanotify watches whole file systems."""
    call("fanotify_init", 0x200, 0)  # FAN_REPORT_FID: also for ordinary users
    return "REACHED fanotify"


def newest_open(canary):
    """openat2 is a third open, with its flags in memory where a filter cannot look."""
    how = struct.pack("<QQQ", 0, 0, 0)
    file = call("openat2", -100, canary["secret_path"].encode(), how, len(how))
    return os.read(file, 4096).decode()


def open_by_handle(canary):
    """A file's handle opens it without any path."""
    import ctypes

    handle, mount = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136), ctypes.c_int()
    call("name_to_handle_at", -100, canary["secret_path"].encode(), handle, ctypes.byref(mount), 0)
    folder = os.open(canary["workdir"], os.O_RDONLY)
    return os.read(call("open_by_handle_at", folder, handle, os.O_RDONLY), 4096).decode()


def namespace_of_its_own(canary):
    """In a user namespace of one's own one is root."""
    call("unshare", 0x10000000)
    return "REACHED a user namespace"


def rearranged_tree(canary):
    """Root in a mount namespace puts any folder where reading is granted."""
    import ctypes

    call("unshare", 0x10020000 if os.getuid() else 0x20000)
    library = ctypes.CDLL(None, use_errno=True)
    library.mount(None, b"/", None, 0x44000, None)  # what is mounted here stays here
    if library.mount(canary["secret_dir"].encode(), canary["workdir"].encode(), None, 0x1000, None):
        raise OSError(ctypes.get_errno(), "mount")
    with open(os.path.join(canary["workdir"], "secret.txt")) as file:
        return file.read()


def root_elsewhere(canary):
    """With another root every path means another file."""
    if os.getuid():
        call("unshare", 0x10000000)
    os.chroot(canary["secret_dir"])
    with open("/secret.txt") as file:
        return file.read()


def old_shared_memory(canary):
    """System V memory has no name in the file system."""
    import ctypes

    segment = call("shmget", canary["shared_key"], 0, 0)
    library = ctypes.CDLL(None, use_errno=True)
    library.shmat.restype = ctypes.c_void_p
    address = library.shmat(segment, None, 0o10000)
    if address in (None, 2**64 - 1):
        raise OSError(ctypes.get_errno(), "shmat")
    return ctypes.string_at(address, len(canary["token"])).decode()


def old_message_queue(canary):
    """Nor have its message queues and semaphores: a way to talk to anybody of this user."""
    queue = call("msgget", 0, 0o1600)
    call("msgctl", queue, 0, 0)
    semaphores = call("semget", 0, 1, 0o1600)
    call("semctl", semaphores, 0, 0)
    return "REACHED System V"


def message_queue(canary):
    """POSIX message queues are no files of any folder."""
    name = f"theodore-{canary['token']}".encode()
    call("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, None)
    call("mq_unlink", name)
    return "REACHED a message queue"


def named_shared_memory(canary):
    """POSIX shared memory without the module that raises events."""
    import _posixshmem

    descriptor = _posixshmem.shm_open("/" + canary["shared_name"], os.O_RDONLY, 0)
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as memory:
        return memory[: len(canary["token"])].decode()


def keys_of_the_session(canary):
    """The kernel keeps keys for everybody of a session."""
    call("add_key", b"user", b"theodore-canary", b"x", 1, -1)  # the keyring of this thread only
    return "REACHED keys"


def program_in_the_kernel(canary):
    """bpf."""
    call("bpf", 0, struct.pack("<IIIII", 2, 4, 4, 1, 0).ljust(72, b"\0"), 72)
    return "REACHED bpf"


def page_faults_of_its_own(canary):
    """userfaultfd stops the kernel in the middle of a copy: half of many exploits."""
    call("userfaultfd", 1)
    return "REACHED userfaultfd"


def counters_of_the_processor(canary):
    """perf_event_open measures others through shared caches."""
    import ctypes

    attributes = struct.pack("<IIQ", 1, 112, 0) + bytes(24) + struct.pack("<Q", 0x60) + bytes(64)
    call("perf_event_open", ctypes.create_string_buffer(attributes, 112), 0, -1, -1, 0)
    return "REACHED counters"


def big_pipes(canary):
    """A pipe of a mebibyte is a mebibyte of kernel memory, of which no limit of the process knows."""
    import fcntl

    _, end = os.pipe()
    fcntl.fcntl(end, 1031, 1024 * 1024)
    return "REACHED kernel memory"


def rewritten_memory(canary):
    """/proc/self/mem writes where memory is not writable."""
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        data = b"unchangeable " + os.urandom(4)
        memory.seek(id(data) + bytes.__basicsize__ - 1)
        memory.write(b"REACHED")
        return data[:12].decode()


def native_code_from_data(canary):
    """Machine code written into memory of one's own and called."""
    import ctypes

    codes = {"x86_64": b"\xb8\x2a\x00\x00\x00\xc3", "aarch64": struct.pack("<II", 0x52800540, 0xD65F03C0)}
    code = codes[platform.machine()]
    memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    memory.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    return "REACHED native code" if function() == 42 else "refused"


def native_code_later(canary):
    """The same in two steps: written first, made executable afterwards."""
    import ctypes

    codes = {"x86_64": b"\xb8\x2a\x00\x00\x00\xc3", "aarch64": struct.pack("<II", 0x52800540, 0xD65F03C0)}
    memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=3)
    memory.write(codes[platform.machine()])
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    library = ctypes.CDLL(None, use_errno=True)
    if library.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5):
        raise OSError(ctypes.get_errno(), "mprotect")
    return "REACHED native code" if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 42 else "refused"


def map_for_a_profiler(canary):
    """Python 3.12 writes /tmp/perf-<pid>.map in C."""
    import sys

    sys.activate_stack_trampoline("perf")
    (lambda: None)()
    path = f"/tmp/perf-{os.getpid()}.map"
    sys.deactivate_stack_trampoline()
    if not os.path.exists(path):
        return "refused"
    os.unlink(path)
    return "MAPPED"


CASES = {
    "asynchronous-rings": ("surface", asynchronous_rings),
    "asynchronous-requests": ("surface", asynchronous_requests),
    "watch-a-folder": ("surface", watch_a_folder),
    "watch-everything": ("surface", watch_everything),
    "newest-open": ("read", newest_open),
    "open-by-handle": ("read", open_by_handle),
    "namespace-of-its-own": ("surface", namespace_of_its_own),
    "rearranged-tree": ("read", rearranged_tree),
    "root-elsewhere": ("read", root_elsewhere),
    "old-shared-memory": ("token", old_shared_memory),
    "old-message-queue": ("surface", old_message_queue),
    "message-queue": ("surface", message_queue),
    "named-shared-memory": ("token", named_shared_memory),
    "keys-of-the-session": ("surface", keys_of_the_session),
    "program-in-the-kernel": ("surface", program_in_the_kernel),
    "page-faults-of-its-own": ("surface", page_faults_of_its_own),
    "counters-of-the-processor": ("surface", counters_of_the_processor),
    "big-pipes": ("surface", big_pipes),
    "rewritten-memory": ("surface", rewritten_memory),
    "native-code-from-data": ("surface", native_code_from_data),
    "native-code-later": ("surface", native_code_later),
    "map-for-a-profiler": ("perfmap", map_for_a_profiler),
}
