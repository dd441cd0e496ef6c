"""Audit events by what they mean (PEP 578; the "Audit events table" of the Python documentation, 3.11 to 3.14).

Names were compared with those compiled into the interpreters: the documentation has
``sys.set_asyncgen_hooks_*`` where CPython raises ``sys.set_asyncgen_hook_*``.
"""

from __future__ import annotations

import sys
from typing import Final

SILENT: Final[frozenset[str]] = frozenset(
    {
        # about the interpreter itself, or harmless
        *("object.__getattr__", "object.__delattr__", "builtins.id", "builtins.input/result", "sys._getframe"),
        *("sys._getframemodulename", "sys.excepthook", "sys.unraisablehook", "sys.set_asyncgen_hook_firstiter"),
        *("sys.set_asyncgen_hook_finalizer", "sys.set_asyncgen_hooks_firstiter", "sys.set_asyncgen_hooks_finalizer"),
        *("cpython._PySys_ClearAuditHooks", "cpython.PyInterpreterState_Clear", "marshal.dumps", "pickle.find_class"),
        *("array.__new__", "time.sleep", "_thread.start_new_thread", "_thread.start_joinable_thread"),
        *("signal.pthread_kill", "mmap.__new__", "fcntl.fcntl", "fcntl.flock", "fcntl.ioctl", "fcntl.lockf"),
        *("os.lockf", "os.fchdir", "sys.monitoring.free_tool_id", "setopencodehook"),
        # a socket object is not a connection; seccomp refuses the system call
        *("socket.__new__", "socket.gethostname", "socket.getservbyname", "socket.getservbyport"),
        # announcements: what they announce raises its own event
        *("shutil.copyfile", "shutil.copymode", "shutil.copystat", "shutil.copytree", "shutil.move", "shutil.rmtree"),
        *("shutil.make_archive", "shutil.unpack_archive", "shutil.chown", "tempfile.mkstemp", "tempfile.mkdtemp"),
        *("glob.glob", "glob.glob/2", "os.walk", "os.fwalk", "pathlib.Path.glob", "pathlib.Path.rglob"),
        *("pathlib.Path.walk", "urllib.Request", "http.client.connect", "http.client.send", "ftplib.connect"),
        *("ftplib.sendcmd", "imaplib.open", "imaplib.send", "poplib.connect", "poplib.putline", "smtplib.connect"),
        *("smtplib.send", "nntplib.connect", "nntplib.putline", "telnetlib.Telnet.open", "telnetlib.Telnet.write"),
        *("sqlite3.connect/handle", "uuid.getnode", "ensurepip.bootstrap"),
    }
)

READS: Final[frozenset[str]] = frozenset({"os.listdir", "os.scandir", "os.chdir", "os.getxattr", "os.listxattr"})
"""The first argument is a path that is looked at."""

WRITES: Final[frozenset[str]] = frozenset({"os.truncate", "os.chflags", "os.setxattr", "os.removexattr"})
"""The first argument is a path that is changed."""

WRITES_IN_FOLDER: Final[frozenset[str]] = frozenset(
    {"os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.chown", "os.utime"}
)
"""The same; the last argument is the descriptor of the folder a relative path starts from, or -1."""

MOVES: Final[frozenset[str]] = frozenset({"os.rename", "os.link"})
"""The first two arguments are paths, and both are changed; the last two are their folders' descriptors, or -1."""

LINKS: Final[frozenset[str]] = frozenset({"os.symlink"})
"""A symbolic link is made, which is never granted: what it points to is judged by nobody."""

NETWORK: Final[frozenset[str]] = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
"""The second argument is an address."""

NAMES: Final[frozenset[str]] = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "socket.sethostname"}
)
"""The first argument is a host name or an address."""

PROGRAMS: Final[frozenset[str]] = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.startfile"})
"""The first argument is the program."""

FORKS: Final[frozenset[str]] = frozenset({"_posixsubprocess.fork_exec"})
"""The first argument is a list of files, of which the first that exists is run; raised by CPython since 3.14."""

SHELLS: Final[frozenset[str]] = frozenset({"os.system", "pty.spawn", "webbrowser.open", "os.fork", "os.forkpty"})
"""Other programs and processes, never granted: a grant names one program, and these run any."""

ENVIRONMENT: Final[frozenset[str]] = frozenset({"os.putenv", "os.unsetenv"})

CODE: Final[frozenset[str]] = frozenset(
    {"compile", "exec", "code.__new__", "function.__new__", "marshal.loads", "marshal.load"}
)
"""Making code: the caller decides (see ``hook_rules.code_makers``)."""

SIGNALS: Final[frozenset[str]] = frozenset({"os.kill", "os.killpg"})

NATIVE_MODULES: Final[frozenset[str]] = frozenset(
    {
        *("ctypes", "_ctypes", "_ctypes_test", "cffi", "_cffi_backend", "_testcapi", "_testinternalcapi"),
        *("_testlimitedcapi", "_testclinic", "_testbuffer", "_xxsubinterpreters", "_xxinterpchannels"),
        *("_interpreters", "_interpchannels", "_interpqueues", "_remote_debugging", "readline", "_posixshmem"),
    }
)
"""Modules that reach around the hook: foreign functions, sub-interpreters, files and memory without events."""

NATIVE_EVENTS: Final[frozenset[str]] = frozenset({"sqlite3.enable_load_extension", "sqlite3.load_extension"})

NAMESPACES: Final[frozenset[str]] = frozenset(sys.stdlib_module_names) | {"cpython", "code", "function", "object"}
"""Events of the interpreter and its library; one of these on no list above is refused, a library's own is not."""

SENTINEL: Final = "theodore_loader.sandbox.sentinel"
"""The self-test of a hook that was just installed."""

DECISIONS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"object.__setattr__"}), "on_set_attribute"),
    (frozenset({"import"}), "on_import"),
    (CODE, "on_code"),
    (frozenset({"open"}), "on_open"),
    (READS, "on_read"),
    (WRITES, "on_write"),
    (WRITES_IN_FOLDER, "on_write_in_folder"),
    (MOVES, "on_move"),
    (LINKS, "on_link"),
    (frozenset({"sqlite3.connect"}), "on_database"),
    (NETWORK, "on_address"),
    (NAMES, "on_host"),
    (PROGRAMS, "on_program"),
    (FORKS, "on_fork"),
    (SHELLS, "on_shell"),
    (ENVIRONMENT, "on_environment"),
    (SIGNALS, "on_signal"),
)
"""Which function of ``hook_decisions`` (and its twin in ``native/decisions.c``) judges which events; frequent first.

An event that is neither here nor in ``SILENT`` is judged by ``on_other``.
"""
