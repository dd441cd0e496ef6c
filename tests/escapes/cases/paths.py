"""Reading and changing files outside the grants."""

import importlib
import os
import sqlite3
import sys
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
    until = time.monotonic() + 0.7
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


def link_to_a_folder(canary):
    """A link inside the grant that is judged by its text and leads to the folder above."""
    here = os.path.join(canary["workdir"], "a", "b")
    os.makedirs(here, exist_ok=True)
    os.chdir(here)
    os.symlink("..", os.path.join(canary["workdir"], "up"))
    with open(os.path.join(canary["workdir"], "up", "vault", "secret.txt")) as file:
        return file.read()


def descriptor_by_another_name(canary):
    """A folder that was opened for its name only, and /proc/self/fd as the way through it."""
    folder = os.open(canary["secret_dir"], os.O_PATH)
    with open(f"/proc/self/fd/{folder}/secret.txt") as file:
        return file.read()


def module_from_elsewhere(canary):
    """The importer reads files too."""
    sys.path.insert(0, canary["secret_dir"])
    return importlib.import_module("hidden").SECRET


def time_zone_from_elsewhere(canary):
    """tzset() in C reads any file that TZ names and repeats what is in it as the zone's name."""
    os.environ["TZ"] = ":" + canary["zone"]
    time.tzset()
    return time.localtime().tm_zone


def history_of_a_terminal(canary):
    """readline reads files in C: no event before Python 3.13."""
    import readline

    readline.read_history_file(canary["secret_path"])
    return readline.get_history_item(1)


def key_log_elsewhere(canary):
    """OpenSSL makes the file it logs keys to, in C."""
    import ssl

    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = canary["write_path"]
    return "made"


def nameless_file_named_later(canary):
    """A file without a name is given one outside the grant."""
    file = os.open(canary["workdir"], os.O_TMPFILE | os.O_WRONLY, 0o600)
    anywhere = os.open(canary["workdir"], os.O_RDONLY)  # without a folder Python would not follow the link
    os.link(f"/proc/self/fd/{file}", canary["write_path"], src_dir_fd=anywhere, follow_symlinks=True)
    return "linked"


def pipe_elsewhere(canary):
    """mkfifo raises no event."""
    os.mkfifo(canary["write_path"])
    return "made"


def folder_elsewhere(canary):
    """Folders are not files."""
    os.mkdir(canary["write_path"])
    return "made"


def remove_elsewhere(canary):
    """Neither opened nor written."""
    os.remove(canary["target"])
    return "removed"


def attribute_elsewhere(canary):
    """Extended attributes are metadata."""
    os.setxattr(canary["target"], "user.theodore", b"x")
    return "set"


def change_owner(canary):
    """Owners are metadata."""
    os.chown(canary["target"], 1, 1)
    return "given away"


def change_times_by_descriptor(canary):
    """A descriptor opened for reading is enough to change a file's times."""
    file = os.open(canary["readable_target"], os.O_RDONLY)
    os.utime(file, (5, 5))
    return "times changed"


def device_of_its_own(canary):
    """Root makes a device node where it may write, and moves it to where it may not."""
    here = os.path.join(canary["workdir"], "zero")
    os.mknod(here, 0o020600, os.makedev(1, 5))
    os.close(os.open(here, os.O_RDONLY))
    os.rename(here, canary["plug_write"])
    return "made"


def metadata_of_others(canary):
    """Nothing but namespaces hides that a file is there, and how large it is."""
    return f"REACHED {os.stat(canary['secret_path']).st_size} bytes"


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
    "link-to-a-folder": ("read", link_to_a_folder),
    "descriptor-by-another-name": ("read", descriptor_by_another_name),
    "module-from-elsewhere": ("read", module_from_elsewhere),
    "time-zone-from-elsewhere": ("read", time_zone_from_elsewhere),
    "history-of-a-terminal": ("read", history_of_a_terminal),
    "key-log-elsewhere": ("write", key_log_elsewhere),
    "nameless-file-named-later": ("write", nameless_file_named_later),
    "pipe-elsewhere": ("write", pipe_elsewhere),
    "folder-elsewhere": ("write", folder_elsewhere),
    "remove-elsewhere": ("tamper", remove_elsewhere),
    "attribute-elsewhere": ("tamper", attribute_elsewhere),
    "change-owner": ("tamper", change_owner),
    "change-times-by-descriptor": ("tamper", change_times_by_descriptor),
    "device-of-its-own": ("plugwrite", device_of_its_own),
    "metadata-of-others": ("surface", metadata_of_others),
}
