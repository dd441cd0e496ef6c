"""Reading and changing files outside the grants."""

import os
import sqlite3
import threading
import time


def prefix_twin(canary):
    """The granted folder's name is a prefix of this one's."""
    with open(canary["twin_secret"]) as file:
        return file.read()


def plain_read(canary):
    """No trick at all."""
    with open(canary["secret_path"]) as file:
        return file.read()


def folder_descriptor(canary):
    """The open event carries no dir_fd, so a relative path is judged from the wrong folder."""
    deep = os.path.join(canary["workdir"], "a", "b", "c", "d")
    os.makedirs(deep, exist_ok=True)
    folder = os.open(canary["workdir"], os.O_RDONLY | os.O_DIRECTORY)
    os.chdir(deep)
    file = os.open(os.path.relpath(canary["secret_path"], canary["workdir"]), os.O_RDONLY, dir_fd=folder)
    return os.read(file, 4096).decode()


def alias_below_proc(canary):
    """/proc/self/root names every file a second time."""
    with open("/proc/self/root" + canary["secret_path"]) as file:
        return file.read()


def alias_by_cwd(canary):
    """/proc/self/cwd after chdir, which nothing in the kernel refuses."""
    os.chdir(os.path.dirname(canary["secret_path"]))
    with open("/proc/self/cwd/" + os.path.basename(canary["secret_path"])) as file:
        return file.read()


def relative_after_chdir(canary):
    """The path is a bare name, the working folder is not ours."""
    os.chdir(os.path.dirname(canary["secret_path"]))
    with open(os.path.basename(canary["secret_path"])) as file:
        return file.read()


def rename_into_grant(canary):
    """Move the file to where reading is granted."""
    here = os.path.join(canary["workdir"], "moved")
    os.rename(canary["secret_path"], here)
    with open(here) as file:
        return file.read()


def hard_link_into_grant(canary):
    """Give the file a second name where reading is granted."""
    here = os.path.join(canary["workdir"], "linked")
    os.link(canary["secret_path"], here)
    with open(here) as file:
        return file.read()


def symbolic_link_in_grant(canary):
    """A granted name that points outside."""
    here = os.path.join(canary["workdir"], "pointer")
    os.symlink(canary["secret_path"], here)
    with open(here) as file:
        return file.read()


def link_swapped_after_check(canary):
    """A file becomes a link between somebody's check and its use."""
    name = os.path.join(canary["workdir"], "swapped")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            try:
                open(name + ".plain", "w").close()
                os.replace(name + ".plain", name)
                os.symlink(canary["secret_path"], name + ".link")
                os.replace(name + ".link", name)
            except OSError:
                return

    open(name, "w").close()
    threading.Thread(target=swap, daemon=True).start()
    until = time.monotonic() + 3
    try:
        while time.monotonic() < until:
            try:
                if os.path.realpath(name) != name:
                    continue
                with open(name) as file:
                    text = file.read()
            except OSError:
                continue
            if text:
                return text
    finally:
        stop.set()
    return "the race was not won"


def library_opens_the_file(canary):
    """SQLite opens files in C: no event for ATTACH."""
    database = sqlite3.connect(":memory:")
    database.execute("ATTACH ? AS other", (canary["write_path"],))
    database.execute("CREATE TABLE other.t (a)")
    database.commit()
    database.close()
    return "attached"


def vacuum_elsewhere(canary):
    """VACUUM INTO writes a database to any path."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (a)")
    database.commit()
    database.execute("VACUUM INTO ?", (canary["write_path"],))
    return "written"


def plain_write(canary):
    """No trick at all."""
    with open(canary["write_path"], "w") as file:
        file.write("x")
    return "written"


def truncate_by_path(canary):
    """Content is lost without an open."""
    os.truncate(canary["target"], 3)
    return "truncated"


def truncate_by_reading(canary):
    """O_TRUNC together with O_RDONLY truncates on Linux."""
    os.close(os.open(canary["readable_target"], os.O_RDONLY | os.O_TRUNC))
    return "truncated"


def change_times(canary):
    """Landlock does not govern metadata."""
    os.utime(canary["target"], (5, 5))
    return "times changed"


def change_mode(canary):
    """The same for the mode."""
    os.chmod(canary["target"], 0o777)
    return "mode changed"


def change_mode_of_readable(canary):
    """A descriptor that was opened for reading is enough for fchmod."""
    file = os.open(canary["readable_target"], os.O_RDONLY)
    os.fchmod(file, 0o777)
    return "mode changed"


def foreign_function_open(canary):
    """The C library's own open, through ctypes."""
    import ctypes

    library = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(4096)
    file = library.open(canary["secret_path"].encode(), 0)
    size = library.read(file, buffer, 4096)
    return buffer.raw[: max(size, 0)].decode()


def path_that_lies(canary):
    """A str whose methods lie to whoever checks it in Python."""

    class Liar(str):
        def startswith(self, *_prefixes):
            return True

        def __hash__(self):
            return hash("/dev/null")

        def __eq__(self, _other):
            return True

    with open(Liar(canary["secret_path"])) as file:
        return file.read()


CASES = {
    "prefix-twin": ("read", prefix_twin),
    "plain-read": ("read", plain_read),
    "folder-descriptor": ("read", folder_descriptor),
    "alias-below-proc": ("read", alias_below_proc),
    "alias-by-cwd": ("read", alias_by_cwd),
    "relative-after-chdir": ("read", relative_after_chdir),
    "rename-into-grant": ("read", rename_into_grant),
    "hard-link-into-grant": ("read", hard_link_into_grant),
    "symbolic-link-in-grant": ("read", symbolic_link_in_grant),
    "link-swapped-after-check": ("read", link_swapped_after_check),
    "library-opens-the-file": ("write", library_opens_the_file),
    "vacuum-elsewhere": ("write", vacuum_elsewhere),
    "plain-write": ("write", plain_write),
    "truncate-by-path": ("tamper", truncate_by_path),
    "truncate-by-reading": ("tamper", truncate_by_reading),
    "change-times": ("tamper", change_times),
    "change-mode": ("tamper", change_mode),
    "change-mode-of-readable": ("tamper", change_mode_of_readable),
    "foreign-function-open": ("read", foreign_function_open),
    "path-that-lies": ("read", path_that_lies),
}
