"""What a fix is: exact replacements in the files as they were checked, and whether they are safe."""

from __future__ import annotations

from dataclasses import dataclass

from theodore_plugin.finding import Location


class NoFix(Exception):
    """The finding cannot be mended mechanically; the message says what stands in the way."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes of one file and what stands there instead. Everything outside stays as it is, byte for byte."""

    location: Location
    """The replaced region in the file as it was checked; end exclusive."""
    start: int
    """Byte offset of ``before`` in the file, byte order mark included."""
    before: bytes
    after: bytes
    joins: bool = False
    """An insertion that may stand beside others at the same place, in any order: one more item of a list."""

    @property
    def path(self) -> str:
        """The file, relative to the project, POSIX style."""
        return self.location.path

    @property
    def end(self) -> int:
        """Byte offset behind ``before``."""
        return self.start + len(self.before)


@dataclass(frozen=True, slots=True)
class Fix:
    """How one finding is mended.

    A safe fix changes nothing that a run as intended does, and never widens what the plugin asks for; everything
    else is unsafe, and somebody has to look at the result.
    """

    rule: str
    safe: bool
    edits: tuple[Edit, ...]
    description: str
    """What it does, as an order: ``call yaml.safe_load``."""

    def __post_init__(self) -> None:
        if not self.edits:
            raise ValueError(f"{self.rule}: a fix changes something")
