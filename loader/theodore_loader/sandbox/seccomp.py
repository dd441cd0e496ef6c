"""Layer 9: a seccomp filter (``man 2 seccomp``), compiled from ``seccomp_rules`` and installed for every thread.

The program checks the architecture first (a foreign one is killed), refuses the x32 numbers, then tests the calls with
conditions, the allowed, the ignored and the refused; what is on no list answers ENOSYS.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from theodore_loader.sandbox import libc, seccomp_rules
from theodore_loader.sandbox.bpf import Program
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.seccomp_rules import Check, Clause, Conditions, Situation

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_*
_SET_MODE_FILTER, _GET_ACTION_AVAILABLE, _TSYNC = 1, 2, 1
_GET_SECCOMP, _FILTER_MODE = 21, 2
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
_X32_BIT = 0x40000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data


def available() -> bool:
    """Say whether the kernel takes filters that answer with an error number, by asking it."""
    import ctypes

    action = ctypes.c_uint32(_ERRNO)
    try:
        libc.syscall("seccomp", _GET_ACTION_AVAILABLE, 0, ctypes.byref(action))
    except OSError:
        return False
    return True


def compile_filter(profile: Profile, situation: Situation, machine: str) -> bytes:
    """Return the BPF program for ``profile`` on ``machine`` (``x86_64`` or ``aarch64``)."""
    numbers = libc.syscall_numbers(machine)
    program = Program()
    program.load(_ARCHITECTURE)
    program.jump_equal(_ARCHITECTURES[machine], then="known architecture")
    program.give(_KILL)
    program.label("known architecture")
    program.load(_NUMBER)
    if machine == "x86_64":
        program.jump_at_least(_X32_BIT, otherwise="native number")
        program.give(_ERRNO | errno.ENOSYS)
        program.label("native number")
    conditional = seccomp_rules.conditional(profile, situation)
    for name, conditions in conditional.items():
        if name in numbers:
            _append_conditional(program, name, numbers[name], conditions)
    answers = {
        _ALLOW: seccomp_rules.allowed(profile),
        _ERRNO: seccomp_rules.ignored(profile),
        _ERRNO | errno.EPERM: seccomp_rules.refused(profile),
        _ERRNO | errno.ENOTSUP: seccomp_rules.UNSUPPORTED,
    }
    for answer, names in answers.items():
        _append_plain(program, (numbers[name] for name in names if name in numbers), answer)
    program.give(_ERRNO | errno.ENOSYS)
    return program.assemble()


def install(profile: Profile, situation: Situation) -> int:
    """Install the filter on every thread of this process; return the number of its instructions.

    Raises:
        OSError: the kernel refused, or one thread could not be brought along.

    """
    import ctypes

    class FilterProgram(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    code = compile_filter(profile, situation, libc.machine() or "")
    program = FilterProgram(len(code) // 8, code)
    left_behind = libc.syscall("seccomp", _SET_MODE_FILTER, _TSYNC, ctypes.byref(program))
    if left_behind:
        raise OSError(errno.EBUSY, f"thread {left_behind} could not be put under the seccomp filter")
    if libc.prctl(_GET_SECCOMP) != _FILTER_MODE:
        raise OSError(errno.EINVAL, "the kernel accepted the seccomp filter and does not apply it")
    return len(code) // 8


def _append_plain(program: Program, numbers: Iterable[int], answer: int) -> None:
    for number in numbers:
        after = f"after {number} {answer:#x}"
        program.jump_equal(number, otherwise=after)
        program.give(answer)
        program.label(after)


def _append_conditional(program: Program, name: str, number: int, conditions: Conditions) -> None:
    program.jump_equal(number, otherwise=f"{name} end")
    for at, clause in enumerate(conditions):
        _append_clause(program, f"{name} {at}", clause)
    program.give(_ERRNO | errno.EPERM)
    program.label(f"{name} end")


def _append_clause(program: Program, label: str, clause: Clause) -> None:
    for at, check in enumerate(clause):
        _append_check(program, f"{label} {at}", check, failed=f"{label} failed")
    program.give(_ALLOW)
    program.label(f"{label} failed")


def _append_check(program: Program, label: str, check: Check, *, failed: str) -> None:
    low = _ARGUMENTS + 8 * check.argument
    if check.wide:
        program.load(low + 4)
        program.jump_equal(check.values[0] >> 32, otherwise=failed)
    program.load(low)
    if check.mask != seccomp_rules.WORD:
        program.mask(check.mask)
    for value in check.values:
        program.jump_equal(value & seccomp_rules.WORD, then=failed if check.negate else f"{label} holds")
    if not check.negate:
        program.jump_at_least(0, then=failed)  # always true: no value matched
    program.label(f"{label} holds")
