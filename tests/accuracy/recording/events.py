"""What one audit event says: which permission was exercised, how, and on what. Pure.

Events: CPython library reference, "Audit events table". Events that repeat another one (``http.client.send``
after ``socket.connect``), threads, signals to oneself and introspection are left out: they are no permission.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Act(NamedTuple):
    """One exercise of a permission."""

    permission: str
    access: str
    value: str


Arguments = tuple[Any, ...]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def act_of(event: str, arguments: Arguments) -> Act | None:
    """Return what an event stands for, ``None`` where it is no permission."""
    reader = _READERS.get(event)
    return reader(arguments) if reader else None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return os.fsdecode(value)
    return "" if value is None else str(value)


def _opened(arguments: Arguments) -> Act | None:
    path, mode, flags = arguments
    if isinstance(path, int):
        return None  # a descriptor somebody already holds
    writes = any(letter in mode for letter in "wax+") if mode else bool(flags & _WRITING)
    return Act("filesystem", "write" if writes else "read", _text(path))


def _on_path(access: str, position: int = 0) -> Callable[[Arguments], Act | None]:
    def read(arguments: Arguments) -> Act | None:
        path = arguments[position]
        return None if isinstance(path, int) else Act("filesystem", access, _text(path) or ".")

    return read


def _database(arguments: Arguments) -> Act | None:
    path = _text(arguments[0])
    return None if not path or ":memory:" in path else Act("filesystem", "write", path.removeprefix("file:"))


def _resolved(arguments: Arguments) -> Act | None:
    host = _text(arguments[0])
    port = _text(arguments[1]) if len(arguments) > 1 else ""
    return Act("network", "connect", f"{host}:{port}" if port else host) if host else None


def _address(access: str) -> Callable[[Arguments], Act | None]:
    def read(arguments: Arguments) -> Act | None:
        address = arguments[1]
        value = ":".join(_text(part) for part in address[:2]) if isinstance(address, tuple) else _text(address)
        return Act("network", access, value)

    return read


def _named(permission: str, access: str, position: int = 0) -> Callable[[Arguments], Act | None]:
    def read(arguments: Arguments) -> Act | None:
        return Act(permission, access, _text(arguments[position]) if len(arguments) > position else "")

    return read


def _program(arguments: Arguments) -> Act | None:
    executable, argv = arguments[0], arguments[1]
    first = argv if isinstance(argv, (str, bytes, os.PathLike)) else next(iter(argv), "")
    return Act("subprocess", "run", _text(executable or first))


def _code(access: str) -> Callable[[Arguments], Act | None]:
    return lambda _arguments: Act("dynamic_code", access, "")


_READERS: Mapping[str, Callable[[Arguments], Act | None]] = {
    "open": _opened,
    "sqlite3.connect": _database,
    "sqlite3.load_extension": _named("native", "load", 1),
    "ctypes.dlopen": _named("native", "load"),
    "exec": _code("execute"),
    "compile": _code("execute"),
    "marshal.loads": _code("execute"),
    "marshal.load": _code("execute"),
    "pickle.find_class": _code("execute"),
    "subprocess.Popen": _program,
    "os.system": _named("subprocess", "run"),
    "os.exec": _named("subprocess", "run"),
    "os.posix_spawn": _named("subprocess", "run"),
    "os.spawn": _named("subprocess", "run", 1),
    "os.fork": _named("subprocess", "run", 1),
    "pty.spawn": _named("subprocess", "run"),
    "webbrowser.open": _named("subprocess", "run"),
    "os.kill": _named("subprocess", "signal"),
    "os.killpg": _named("subprocess", "signal"),
    "os.putenv": _named("environment", "write"),
    "os.unsetenv": _named("environment", "write"),
    "socket.getaddrinfo": _resolved,
    "socket.gethostbyname": _resolved,
    "socket.gethostbyaddr": _resolved,
    "socket.connect": _address("connect"),
    "socket.sendto": _address("connect"),
    "socket.sendmsg": _address("connect"),
    "socket.bind": _address("listen"),
    "urllib.Request": _named("network", "connect"),
    **{
        name: _on_path("read")
        for name in ("os.listdir", "os.scandir", "os.walk", "os.fwalk", "glob.glob", "os.getxattr", "os.listxattr")
    },
    **{
        name: _on_path("write")
        for name in (
            "os.mkdir",
            "os.remove",
            "os.rmdir",
            "os.chmod",
            "os.chown",
            "os.truncate",
            "os.utime",
            "os.setxattr",
            "os.removexattr",
            "os.chdir",
            "tempfile.mkdtemp",
            "tempfile.mkstemp",
        )
    },
    **{name: _on_path("write", 1) for name in ("os.rename", "os.link", "os.symlink")},
}
