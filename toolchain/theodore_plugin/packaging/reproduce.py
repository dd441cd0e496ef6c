"""Whether a project builds to the same wheel in other circumstances: two builds, as different as one machine allows.

Both are told the same time and use the same build requirements. What backends leak and the normaliser takes out is no
difference; what remains would keep everybody else from making the digest again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import InvalidWheel, Refused
from theodore_plugin.packaging.build import Built, build_wheel
from theodore_plugin.packaging.circumstances import OTHER, USUAL
from theodore_plugin.packaging.difference import Difference, archive_difference, wheel_difference
from theodore_plugin.packaging.normalise import normalise
from theodore_plugin.packaging.wheelhouse import Wheelhouse
from theodore_plugin.project import PluginProject

_SIDES = ("the first build", "the second")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What became of building a second time."""

    digest: str
    """SHA-256 (hex) of the first wheel."""
    variants: tuple[str, ...]
    """What was not the same for the second build; empty where none was made."""
    first_difference: Difference | None = None
    taken_out: Difference | None = None
    """What the backend's own two archives differ in first and normalising takes out."""
    native: str | None = None
    """A file of machine code, because of which nothing is claimed: compilers are not held to anything here."""

    @property
    def reproducible(self) -> bool | None:
        """Whether both builds gave one digest; ``None`` if that was not looked at."""
        return None if self.native else self.first_difference is None

    def refuse(self) -> None:
        """Raise :class:`Refused` (``build-not-reproducible``) if the builds differ."""
        if self.first_difference is not None:
            raise Refused(
                "build-not-reproducible",
                f"two builds differ, first in {self.first_difference.message}",
                help="keep the time, the folder, random numbers and the order of sets and directories out of the build",
            )


def reproduce(
    project: PluginProject, built: Built, wheel: Wheel, added: Mapping[str, bytes], wheelhouse: Wheelhouse
) -> Reproduction:
    """Build ``project`` again in other circumstances and compare with ``wheel``, which ``built`` was normalised to.

    Raises as :func:`build_wheel` does.
    """
    if wheel.native_files:
        return Reproduction(wheel.sha256, (), native=wheel.native_files[0])
    epoch = built.facts.epoch
    second = build_wheel(project, epoch=epoch, wheelhouse=wheelhouse, circumstances=OTHER)
    again = normalise(second.data, second.filename, added, epoch=epoch)
    return Reproduction(
        digest=wheel.sha256,
        variants=USUAL.differences(OTHER),
        first_difference=wheel_difference(wheel, again, _SIDES),
        taken_out=_leak(built.data, second.data),
    )


def verify_reproducible(project: PluginProject, epoch: int) -> Reproduction:
    """Build ``project`` twice and compare, without what packaging adds. Raises as :func:`build_wheel` does."""
    with tempfile.TemporaryDirectory(prefix="theodore-build-") as scratch:
        wheelhouse = Wheelhouse(Path(scratch).resolve())
        built = build_wheel(project, epoch=epoch, wheelhouse=wheelhouse)
        wheel = normalise(built.data, built.filename, {}, epoch=epoch)
        return reproduce(project, built, wheel, {}, wheelhouse)


def _leak(first: bytes, second: bytes) -> Difference | None:
    try:
        return archive_difference(first, second)
    except InvalidWheel:  # the normaliser has its own word on such archives
        return None
