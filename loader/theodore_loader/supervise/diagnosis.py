"""Why a worker could not be started, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from theodore_loader.errors import WorkerCrashed

_REINSTALL = "reinstall this Python, or run the host with one whose sys.executable is an interpreter"
_REMEDIES = {
    errno.ENOENT: ("there is no interpreter", _REINSTALL),
    errno.EACCES: ("the interpreter may not be executed", "give this user the right to execute it (chmod a+rx)"),
    errno.ENOEXEC: ("the interpreter is no program for this machine", _REINSTALL),
    errno.EMFILE: ("this host has no descriptor left", "raise its limit of open files (ulimit -n), or load fewer"),
    errno.ENFILE: ("the machine has no descriptor left", "raise fs.file-max, or find what holds them"),
    errno.ETOOMANYREFS: ("too many descriptors are on their way", "raise this host's limit of open files (ulimit -n)"),
    errno.EAGAIN: ("no process could be had", "raise the limit of processes (ulimit -u, pids.max), or load fewer"),
    errno.ENOMEM: ("there is no memory for another process", "load fewer plugins, or give the machine more memory"),
}


@contextmanager
def explained(interpreter: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`WorkerCrashed` that names cause and remedy."""
    try:
        yield
    except OSError as problem:
        what, remedy = _REMEDIES.get(problem.errno or 0, ("the system refused", "see the error's own text"))
        raise WorkerCrashed(
            f"no worker could be started: {what}: {problem} (interpreter {interpreter or 'unknown'})", help=remedy
        ) from problem


def of_zygote(status: int, ending: str, lines: Sequence[str]) -> WorkerCrashed:
    """Return why there is no zygote, from how it ended and what it said last."""
    said = "; its last lines: " + " | ".join(list(lines)[-5:]) if lines else ""
    return WorkerCrashed(f"the zygote that starts workers {ending}{said}", status=status)
