"""Layer 9: a seccomp filter (``man 2 seccomp``), installed for every thread.

A program is assembled (``filter_program``) once per :class:`~theodore_loader.sandbox.shape.Shape` and kept; a process
fills in its own numbers. ``prepare()`` does the former in a process that is going to fork, ``adopt()`` takes what
another process has assembled.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping

from theodore_loader.sandbox import libc
from theodore_loader.sandbox.bpf import Template
from theodore_loader.sandbox.shape import OWN_PID, PROGRAM_HIGH, PROGRAM_LOW, Shape

_RETURN_ERRNO = 0x00050000  # SECCOMP_RET_ERRNO
_SET_MODE_FILTER, _GET_ACTION_AVAILABLE, _TSYNC = 1, 2, 1
_GET_SECCOMP, _FILTER_MODE = 21, 2

_kept: dict[tuple[Shape, str], Template] = {}


def available() -> bool:
    """Say whether the kernel takes filters that answer with an error number, by asking it."""
    try:
        libc.syscall("seccomp", _GET_ACTION_AVAILABLE, 0, struct.pack("=I", _RETURN_ERRNO))
    except OSError:
        return False
    return True


def prepare(shape: Shape) -> None:
    """Assemble the program for ``shape`` now, so that processes forked from this one need not."""
    machine = libc.machine()
    if machine is not None:
        template(shape, machine)


def install(shape: Shape, *, pid: int, program_address: int = 0) -> int:
    """Install the filter on every thread of this process; return the number of its instructions.

    Args:
        shape: what decides the rules.
        pid: this process's.
        program_address: where the path of the one program is that may be executed, for a shape that runs one.

    Raises:
        OSError: the kernel refused, or one thread could not be brought along.

    """
    code = template(shape, libc.machine() or "").fill(slots(pid, program_address))
    length = len(code) // 8
    filter_program = struct.pack("@HP", length, libc.address(code))  # struct sock_fprog
    left_behind = libc.syscall("seccomp", _SET_MODE_FILTER, _TSYNC, filter_program)
    if left_behind:
        raise OSError(errno.EBUSY, f"thread {left_behind} could not be put under the seccomp filter")
    if libc.prctl(_GET_SECCOMP) != _FILTER_MODE:
        raise OSError(errno.EINVAL, "the kernel accepted the seccomp filter and does not apply it")
    return length


def slots(pid: int, program_address: int = 0) -> Mapping[str, int]:
    """Return what a process fills into its template."""
    return {OWN_PID: pid, PROGRAM_LOW: program_address, PROGRAM_HIGH: program_address >> 32}


def template(shape: Shape, machine: str) -> Template:
    """Return the BPF program for ``shape`` on ``machine`` (``x86_64`` or ``aarch64``), assembled at the first call."""
    if (shape, machine) not in _kept:
        from theodore_loader.sandbox import filter_program

        _kept[shape, machine] = filter_program.assembled(shape, machine)
    return _kept[shape, machine]


def adopt(shape: Shape, machine: str, assembled: Template) -> None:
    """Keep a program that a process we trust has assembled with :func:`template`."""
    _kept[shape, machine] = assembled
