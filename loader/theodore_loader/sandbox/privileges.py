"""Layer 6: give up what a process could use to get more: capabilities, set-id programs, its memory image.

``man 7 capabilities``, ``man 2 prctl``. Root inside the sandbox is left with the file modes of an ordinary user.
"""

from __future__ import annotations

import errno
import os
import signal
import struct

from theodore_loader.sandbox import libc

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _GET_DUMPABLE = 1, 4, 3
_DROP_FROM_BOUNDING_SET = 24
_SET_NO_NEW_PRIVILEGES, _GET_NO_NEW_PRIVILEGES = 38, 39
_AMBIENT, _AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64


def die_with_parent(parent: int | None) -> None:
    """Ask for SIGKILL when the creating *thread* of the parent exits; end now if ``parent`` is gone already."""
    signal_with_parent(signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def signal_with_parent(number: signal.Signals) -> None:
    """Ask for a signal when the creating *thread* of the parent exits; a change of credentials takes that back."""
    libc.prctl(_SET_PARENT_DEATH_SIGNAL, int(number))


def drop() -> str:
    """Drop every capability, forbid new privileges, hide memory; verify each; return one line for the report.

    Raises:
        OSError: a step did not take.

    """
    _empty_bounding_set()
    libc.prctl(_AMBIENT, _AMBIENT_CLEAR_ALL)
    libc.syscall("capset", struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    libc.prctl(_SET_NO_NEW_PRIVILEGES, 1)
    libc.prctl(_SET_DUMPABLE, 0)
    problems = remaining()
    if problems:
        raise OSError(errno.EPERM, f"privileges remain: {', '.join(problems)}")
    return "no capabilities, no_new_privs, not dumpable"


def remaining() -> tuple[str, ...]:
    """Return what this process still holds of what :func:`drop` gives up; empty when all is gone."""
    held = bytearray(24)
    libc.syscall("capget", struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), held)
    checks = {
        "capabilities": any(held),
        "new privileges": libc.prctl(_GET_NO_NEW_PRIVILEGES) != 1,
        "dumpable": libc.prctl(_GET_DUMPABLE) != 0,
    }
    return tuple(name for name, present in checks.items() if present)


def _empty_bounding_set() -> None:
    for capability in range(_MOST_CAPABILITIES):
        try:
            libc.prctl(_DROP_FROM_BOUNDING_SET, capability)
        except OSError as problem:
            if problem.errno == errno.EINVAL:  # past the last capability this kernel knows
                return
            if problem.errno == errno.EPERM:  # an ordinary user: no_new_privs makes the bounding set irrelevant
                return
            raise
