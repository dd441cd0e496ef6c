"""Starting granted programs: a clear error at the limit, and an audit event where CPython raises none.

``subprocess`` and ``asyncio`` both start programs by ``_posixsubprocess.fork_exec``. Before Python 3.14 it raises no
audit event, so the names that ``PATH`` led to would be judged by the kernel alone.

Everything here is convenience. A plugin that reaches round it meets Landlock, and the host counts its processes.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from typing import Any

from theodore_sdk.errors import ResourceLimitExceeded

EVENT = "_posixsubprocess.fork_exec"


class _Children:
    """The children of this process that still run, as far as they were started here."""

    def __init__(self, most: int, fork_exec: Any) -> None:
        self._most = most
        self._fork_exec = fork_exec
        self._pids: list[int] = []
        self._lock = threading.Lock()

    def start(self, arguments: tuple[Any, ...]) -> int:
        """Start a program, or say why not."""
        candidates = arguments[1]
        sys.audit(EVENT, candidates, arguments[0], None)
        if not self._most:
            raise FileNotFoundError(errno.ENOENT, "none of the granted programs is usable here", candidates[-1])
        with self._lock:
            self._pids = [pid for pid in self._pids if _runs(pid)]
            if len(self._pids) >= self._most:
                raise ResourceLimitExceeded(
                    "max_subprocess_count",
                    f"{len(self._pids)} programs run already; max_subprocess_count allows no more",
                )
            pid: int = self._fork_exec(*arguments)
            self._pids.append(pid)
        return pid


def _runs(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except (AttributeError, ChildProcessError):  # waited for already; or no such call on this system
        return False


def install(most: int) -> None:
    """Have this process start at most ``most`` programs at once; 0 when none of the granted ones exists."""
    import _posixsubprocess

    children = _Children(most, _posixsubprocess.fork_exec)

    def fork_exec(*arguments: Any) -> int:
        return children.start(arguments)

    modules: tuple[Any, ...] = (_posixsubprocess, subprocess)
    for module in modules:
        for name in ("fork_exec", "_fork_exec"):
            if hasattr(module, name):
                setattr(module, name, fork_exec)
    setattr(subprocess, "_USE_POSIX_SPAWN", False)  # noqa: B010 - the other way to start a program, uncounted
