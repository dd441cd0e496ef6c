"""Why a worker could not be started, and what to do about it."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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


def of_exit(who: str, status: int, ending: str, lines: Sequence[str]) -> WorkerCrashed:
    """Return why a process ended before its first word, from how it ended and its last lines of standard error.

    Args:
        who: what ended, as the beginning of a sentence.
        status: as ``subprocess`` gives it.
        ending: the same in words.
        lines: the last lines; text of a process that ran nothing of any plugin.

    """
    cause = _cause_in("\n".join(lines)) or _BY_SIGNAL.get(-status) or _UNKNOWN
    return WorkerCrashed(
        f"{who} {ending} before it was ready: {cause.what}{last_words(lines)}", status=status, help=cause.remedy
    )


def last_words(lines: Iterable[str]) -> str:
    """Return the last lines that a process wrote, as the end of a sentence about its end."""
    last = list(lines)[-_LAST_LINES:]
    return "; its last lines: " + " | ".join(last) if last else ""


@dataclass(frozen=True, slots=True)
class _Cause:
    what: str
    remedy: str


_LAST_LINES = 5
_UNKNOWN = _Cause(
    "it does not say why", "start this host's interpreter with -I -S by hand, and see whether it runs on this machine"
)
_MSGSPEC = "python -m pip install --force-reinstall msgspec, with the interpreter that runs this host"
_SAID: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"error while loading shared libraries: (?P<it>[^:\s]+)"),
        "the interpreter needs the shared library {it}, which is missing",
        "install the package that has it, or run ldconfig; ldd shows what is not found",
    ),
    (
        re.compile(
            r"No module named '(?P<it>msgspec\._core)'|(?P<file>msgspec/_core\.[^:\s]*).*(?:ELF|undefined symbol)"
        ),
        "msgspec was built for another Python (its extension cannot be loaded)",
        _MSGSPEC,
    ),
    (
        re.compile(r"(?:Import|OS)Error: (?P<it>\S+\.so[.\d]*): cannot open shared object file"),
        "the shared library {it} is missing",
        "install the package that has it, or run ldconfig",
    ),
    (
        re.compile(r"No module named 'encodings'|init_fs_encoding|failed to get the Python codec"),
        "the interpreter does not find its standard library",
        "reinstall this Python, and let this user read its library folder",
    ),
    (
        re.compile(r"No module named '(?P<it>[\w.]+)'"),
        "the module {it} is missing from the interpreter or from the runtime folder",
        "start the host again, which repairs the runtime folder; else reinstall this Python or theodore-plugin",
    ),
    (
        re.compile(r"PermissionError: .*?'(?P<it>[^']+)'"),
        "it may not read {it}",
        "let this user read it",
    ),
    (
        re.compile(r"MemoryError|Cannot allocate memory|cannot allocate memory"),
        "there was no memory for it",
        "load fewer plugins, or raise the memory limit of this host",
    ),
)
"""What a dying interpreter says, what that means, and what helps. The first that is found decides."""

_BY_SIGNAL: Mapping[int, _Cause] = {
    signal.SIGKILL: _Cause(
        "somebody killed it, most often the kernel for want of memory",
        "look for the out-of-memory killer in the kernel's log, and at the memory limit of this host's container",
    ),
    signal.SIGSYS: _Cause(
        "a system call filter of this machine or container killed it",
        "allow what the sandbox needs (docs/guide/sandbox.md), or choose a weaker tier explicitly",
    ),
    signal.SIGILL: _Cause(
        "the interpreter or an extension was built for another processor",
        "install builds for this machine",
    ),
    signal.SIGSEGV: _Cause("the interpreter or an extension is broken", _MSGSPEC),
    signal.SIGBUS: _Cause("a file it runs from was cut short, or a disk fails", "reinstall this Python and msgspec"),
    signal.SIGXCPU: _Cause("this host's own limit of processor time ended it", "raise the limit (ulimit -t)"),
}


def _cause_in(text: str) -> _Cause | None:
    for pattern, what, remedy in _SAID:
        if found := pattern.search(text):
            return _Cause(what.format(it=found.groupdict().get("it")), remedy)
    return None
