"""What a build was made with: as much as somebody else needs to make it again, and provenance has to state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class BuildRequirement:
    """One distribution that was installed for a build; ``sha256`` is the hex digest of the wheel it came from."""

    name: str
    version: str
    sha256: str
    filename: str


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """How one wheel was built."""

    backend: str
    """Import name of the build backend."""
    requirements: tuple[BuildRequirement, ...]
    """Everything installed for the build, by name."""
    python: str
    """Version of the interpreter that ran the backend: ``3.12.4``."""
    epoch: int
    """The time the build was told, in seconds since 1970 (``SOURCE_DATE_EPOCH``)."""
