"""A small assembler for classic BPF, the language of seccomp filters.

Jumps name labels and are resolved once the program is complete. They reach forward only: conditional ones at most 255
instructions (an 8-bit offset, ``struct sock_filter`` in ``linux/filter.h``), which the assembler checks. A value that
differs between two processes with the same rules is a *slot*: it is left open and filled in at the end, so that one
assembled program serves many.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
JUMP = 0x05  # BPF_JMP | BPF_JA
JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

NEXT = ""  # the label of the following instruction
_FARTHEST = 255
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS
_SIZE = 8
_VALUE_OFFSET = 4
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Template:
    """An assembled program, and where in it the slots are (offsets of 32-bit words)."""

    code: bytes
    slots: Mapping[str, tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.code) // _SIZE

    def fill(self, values: Mapping[str, int]) -> bytes:
        """Return the kernel's bytes with every slot filled. Raises KeyError when a value is missing."""
        code = bytearray(self.code)
        for name, offsets in self.slots.items():
            for offset in offsets:
                struct.pack_into("=I", code, offset, values[name] & _WORD)
        return bytes(code)


class Program:
    """Instructions in order, with labels; ``assemble()`` gives the kernel's bytes."""

    def __init__(self) -> None:
        self._instructions: list[tuple[int, int | str, str, str]] = []
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
        self._instructions.append((LOAD, offset, NEXT, NEXT))

    def mask(self, value: int) -> None:
        """Keep only the bits of ``value``."""
        self._instructions.append((AND, value, NEXT, NEXT))

    def jump(self, to: str) -> None:
        """Go to ``to``, however far."""
        self._instructions.append((JUMP, 0, to, NEXT))

    def jump_equal(self, value: int | str, *, then: str = NEXT, otherwise: str = NEXT) -> None:
        """Go to ``then`` when the loaded word is ``value`` (or what will fill that slot), else to ``otherwise``."""
        self._instructions.append((JUMP_EQUAL, value, then, otherwise))

    def jump_at_least(self, value: int, *, then: str = NEXT, otherwise: str = NEXT) -> None:
        """Go to ``then`` when the loaded word is at least ``value`` (unsigned), else to ``otherwise``."""
        self._instructions.append((JUMP_AT_LEAST, value, then, otherwise))

    def give(self, value: int) -> None:
        """End with the filter result ``value`` (``SECCOMP_RET_*``)."""
        self._instructions.append((RETURN, value, NEXT, NEXT))

    def assemble(self) -> bytes:
        """Return the program as consecutive ``struct sock_filter``.

        Raises:
            ValueError: a label is missing, a jump goes backwards or too far, the program is too long, or has slots.

        """
        template = self.template()
        if template.slots:
            raise ValueError(f"nothing fills {', '.join(template.slots)}")
        return template.code

    def template(self) -> Template:
        """Return the program with its slots left open. Raises ValueError as :meth:`assemble` does."""
        if len(self._instructions) > _MOST_INSTRUCTIONS:
            raise ValueError(f"{len(self._instructions)} instructions; the kernel takes {_MOST_INSTRUCTIONS}")
        code = bytearray(len(self._instructions) * _SIZE)
        slots: dict[str, list[int]] = {}
        encode = struct.Struct("=HBBI").pack_into
        for at, (operation, value, then, otherwise) in enumerate(self._instructions):
            if isinstance(value, str):
                slots.setdefault(value, []).append(at * _SIZE + _VALUE_OFFSET)
                value = 0  # filled later
            if operation == JUMP:
                encode(code, at * _SIZE, JUMP, 0, 0, self._distance(at, then))
                continue
            to_true = self._near(at, then) if then else 0
            to_false = self._near(at, otherwise) if otherwise else 0
            encode(code, at * _SIZE, operation, to_true, to_false, value & _WORD)
        return Template(bytes(code), {name: tuple(offsets) for name, offsets in slots.items()})

    def _near(self, at: int, label: str) -> int:
        distance = self._distance(at, label)
        if distance > _FARTHEST:
            raise ValueError(f"label {label!r} is {distance} instructions away; 0 to {_FARTHEST} can be reached")
        return distance

    def _distance(self, at: int, label: str) -> int:
        if label not in self._labels:
            raise ValueError(f"label {label!r} is not defined")
        distance = self._labels[label] - at - 1
        if distance < 0:
            raise ValueError(f"label {label!r} is {distance} instructions away; 0 to {_FARTHEST} can be reached")
        return distance
