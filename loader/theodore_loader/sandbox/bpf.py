"""A small assembler for classic BPF, the language of seccomp filters.

Conditional jumps name labels and are resolved once the program is complete; they reach forward at most 255
instructions (an 8-bit offset, ``struct sock_filter`` in ``linux/filter.h``), which the assembler checks.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

NEXT = ""  # the label of the following instruction
_FARTHEST = 255
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    value: int
    if_true: str = NEXT
    if_false: str = NEXT


class Program:
    """Instructions in order, with labels; ``assemble()`` gives the kernel's bytes."""

    def __init__(self) -> None:
        self._instructions: list[_Instruction] = []
        self._labels: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._instructions)

    def label(self, name: str) -> None:
        """Name the next instruction."""
        if name in self._labels:
            raise ValueError(f"label {name!r} is defined twice")
        self._labels[name] = len(self._instructions)

    def load(self, offset: int) -> None:
        """Load the 32-bit word at ``offset`` of ``struct seccomp_data``."""
        self._instructions.append(_Instruction(LOAD, offset))

    def mask(self, value: int) -> None:
        """Keep only the bits of ``value``."""
        self._instructions.append(_Instruction(AND, value))

    def jump_equal(self, value: int, *, then: str = NEXT, otherwise: str = NEXT) -> None:
        """Go to ``then`` when the loaded word is ``value``, else to ``otherwise``."""
        self._instructions.append(_Instruction(JUMP_EQUAL, value, then, otherwise))

    def jump_at_least(self, value: int, *, then: str = NEXT, otherwise: str = NEXT) -> None:
        """Go to ``then`` when the loaded word is at least ``value`` (unsigned), else to ``otherwise``."""
        self._instructions.append(_Instruction(JUMP_AT_LEAST, value, then, otherwise))

    def give(self, value: int) -> None:
        """End with the filter result ``value`` (``SECCOMP_RET_*``)."""
        self._instructions.append(_Instruction(RETURN, value))

    def assemble(self) -> bytes:
        """Return the program as consecutive ``struct sock_filter``.

        Raises:
            ValueError: a label is missing, a jump goes backwards or too far, or the program is too long.

        """
        if len(self._instructions) > _MOST_INSTRUCTIONS:
            raise ValueError(f"{len(self._instructions)} instructions; the kernel takes {_MOST_INSTRUCTIONS}")
        return b"".join(self._encode(at, instruction) for at, instruction in enumerate(self._instructions))

    def _encode(self, at: int, instruction: _Instruction) -> bytes:
        to_true, to_false = self._distance(at, instruction.if_true), self._distance(at, instruction.if_false)
        return struct.pack("=HBBI", instruction.code, to_true, to_false, instruction.value & 0xFFFFFFFF)

    def _distance(self, at: int, label: str) -> int:
        if label == NEXT:
            return 0
        if label not in self._labels:
            raise ValueError(f"label {label!r} is not defined")
        distance = self._labels[label] - at - 1
        if not 0 <= distance <= _FARTHEST:
            raise ValueError(f"label {label!r} is {distance} instructions away; 0 to {_FARTHEST} can be reached")
        return distance
