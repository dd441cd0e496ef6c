"""What decides a seccomp filter: a program serves every process of a shape, but for the numbers in its slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from theodore_loader.sandbox.profile import Profile

OWN_PID, PROGRAM = "own pid", "address of the program"
PROGRAM_LOW, PROGRAM_HIGH = PROGRAM + " (low)", PROGRAM + " (high)"
"""Slots: values that only the confined process itself knows. A filter compares an address by its halves."""

_FIRST_ABI_WITH_SCOPES = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """All that decides a filter but the numbers in its slots.

    Attributes:
        landlock_abi: what Landlock governs, 0 where it does not hold.
        runs_program: a program is still to be executed once, from the address in the slot.

    """

    sockets: Literal["none", "outbound", "ports"] = "none"
    subprocesses: bool = False
    write_xor_execute: bool = False
    metadata: Literal["refuse", "ignore", "allow"] = "refuse"
    symlinks: bool = False
    landlock_abi: int = 0
    runs_program: bool = False

    @classmethod
    def of(cls, profile: Profile, *, landlock_abi: int, private_mounts: bool, runs_program: bool) -> Shape:
        """Return the shape of ``profile`` where Landlock has this ABI.

        With ``private_mounts`` nothing is writable but what the profile grants, so it may have its metadata, too.
        """
        return cls(
            sockets=profile.sockets,
            subprocesses=profile.subprocesses > 0,
            write_xor_execute=profile.write_xor_execute,
            metadata="allow" if private_mounts else profile.metadata_changes,
            symlinks=profile.symlinks,
            landlock_abi=landlock_abi,
            runs_program=runs_program,
        )

    @property
    def signals_scoped(self) -> bool:
        """Whether Landlock keeps signals inside the sandbox, so that a process tree may signal its own members."""
        return self.landlock_abi >= _FIRST_ABI_WITH_SCOPES
