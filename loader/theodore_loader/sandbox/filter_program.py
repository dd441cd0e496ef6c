"""The seccomp filter of a shape as a BPF program.

The program checks the architecture first (a foreign one is killed), refuses the x32 numbers, then finds the number in
a search tree: the kernel runs a new filter once for every number to learn which it may always allow, so a list would
cost what all its pairs of calls cost. What is on no list answers ENOSYS.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence

from theodore_loader.sandbox import libc, seccomp_rules, syscall_lists
from theodore_loader.sandbox.bpf import Program, Template
from theodore_loader.sandbox.seccomp_rules import ALWAYS, Check, Clause, Conditions
from theodore_loader.sandbox.shape import PROGRAM_HIGH, PROGRAM_LOW, Shape

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_*
_SUCCESS, _REFUSE, _UNKNOWN = _ERRNO, _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
_X32_BIT = 0x40000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_NEAR_TREE = 120
"""Intervals whose tree a conditional jump can cross: two instructions each, 255 at most."""

Answer = int | str
"""A filter result, or the name of a call whose arguments decide."""


def assembled(shape: Shape, machine: str) -> Template:
    """Return the BPF program for ``shape`` on ``machine`` (``x86_64`` or ``aarch64``)."""
    program = Program()
    program.load(_ARCHITECTURE)
    program.jump_equal(_ARCHITECTURES[machine], then="known architecture")
    program.give(_KILL)
    program.label("known architecture")
    program.load(_NUMBER)
    if machine == "x86_64":
        program.jump_at_least(_X32_BIT, otherwise="native number")
        program.give(_UNKNOWN)
        program.label("native number")
    conditions = seccomp_rules.conditional(shape)
    answers = _answers(shape, conditions)
    numbers = libc.syscall_numbers(machine)
    _append_tree(program, list(_intervals({numbers[name]: at for name, at in answers.items() if name in numbers})))
    for name, clauses in conditions.items():
        if name in numbers and answers[name] == name:
            _append_conditions(program, name, clauses)
    return program.template()


def _answers(shape: Shape, conditions: Mapping[str, Conditions]) -> dict[str, Answer]:
    """Return what each call answers; one that is missing is unknown."""
    depending: dict[str, Answer] = {name: _ALLOW if at == ALWAYS else name for name, at in conditions.items()}
    return {
        **dict.fromkeys(syscall_lists.ALLOWED, _ALLOW),
        **dict.fromkeys((*syscall_lists.REFUSED, *syscall_lists.CONDITIONAL, *syscall_lists.METADATA), _REFUSE),
        **dict.fromkeys(syscall_lists.UNSUPPORTED, _ERRNO | errno.ENOTSUP),
        **dict.fromkeys(seccomp_rules.answers_success(shape), _SUCCESS),
        **depending,
    }


def _intervals(answers: Mapping[int, Answer]) -> Iterator[tuple[int, Answer]]:
    """Yield the first number of each run of equal answers, from 0 on; between those given all are unknown."""
    before: Answer | None = None
    following = 0
    for number in (*sorted(answers), max(answers) + 1):
        if number > following and before != _UNKNOWN:
            yield following, _UNKNOWN
            before = _UNKNOWN
        answer = answers.get(number, _UNKNOWN)
        if answer != before:
            yield number, answer
        before, following = answer, number + 1


def _append_tree(program: Program, intervals: Sequence[tuple[int, Answer]]) -> None:
    """Append a search tree over ``intervals``: two instructions for each, depth logarithmic."""
    if len(intervals) == 1:
        answer = intervals[0][1]
        if isinstance(answer, int):
            program.give(answer)
        else:
            program.jump(answer)
        return
    middle = len(intervals) // 2
    first = intervals[middle][0]
    above = f"from {first}"
    if middle <= _NEAR_TREE:
        program.jump_at_least(first, then=above)
    else:
        program.jump_at_least(first, otherwise=f"below {first}")
        program.jump(above)
        program.label(f"below {first}")
    _append_tree(program, intervals[:middle])
    program.label(above)
    _append_tree(program, intervals[middle:])


def _append_conditions(program: Program, name: str, conditions: Conditions) -> None:
    program.label(name)
    for at, clause in enumerate(conditions):
        _append_clause(program, f"{name} {at}", clause)
    program.give(_REFUSE)


def _append_clause(program: Program, label: str, clause: Clause) -> None:
    for at, check in enumerate(clause):
        _append_check(program, f"{label} {at}", check, failed=f"{label} failed")
    program.give(_ALLOW)
    program.label(f"{label} failed")


def _append_check(program: Program, label: str, check: Check, *, failed: str) -> None:
    at = _ARGUMENTS + 8 * check.argument
    if check.wide:
        low, high = _halves(check.values[0])
        program.load(at + 4)
        program.jump_equal(high, otherwise=failed)
        program.load(at)
        program.jump_equal(low, otherwise=failed)
        return
    program.load(at)
    if check.mask != seccomp_rules.WORD:
        program.mask(check.mask)
    *others, last = check.values
    for value in others:
        program.jump_equal(value, then=failed if check.negate else f"{label} holds")
    if check.negate:
        program.jump_equal(last, then=failed)
    else:
        program.jump_equal(last, otherwise=failed)
    program.label(f"{label} holds")


def _halves(value: int | str) -> tuple[int | str, int | str]:
    return (PROGRAM_LOW, PROGRAM_HIGH) if isinstance(value, str) else (value & seccomp_rules.WORD, value >> 32)
