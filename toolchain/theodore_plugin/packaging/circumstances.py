"""What a build happens to run in, and a wheel must not depend on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything about a build that somebody who builds it again would have otherwise."""

    directory: str = "source"
    """Where the copy of the sources lies, below a scratch folder."""
    umask: int = 0o022
    time_zone: str = "UTC"
    hash_seed: int = 0
    """``PYTHONHASHSEED``."""
    locale: str = "C.UTF-8"
    file_times: int = 0
    """How much later than the told time the sources were written, in seconds."""
    file_order: Literal["sorted", "reversed"] = "sorted"
    """In which order files are created, which is how some file systems list them."""

    def differences(self, other: Circumstances) -> tuple[str, ...]:
        """Name what is not the same."""
        names = (field.name for field in fields(self))
        return tuple(name.replace("_", " ") for name in names if getattr(self, name) != getattr(other, name))


USUAL = Circumstances()
OTHER = Circumstances(
    directory="elsewhere/quite a bit deeper/another-name",
    umask=0o077,
    time_zone="Asia/Kathmandu",
    hash_seed=4_242,
    locale="POSIX",
    file_times=86_400 * 400 + 3,
    file_order="reversed",
)
"""As different from :data:`USUAL` as a build for the same moment can be."""
