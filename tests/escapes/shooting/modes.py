"""The configurations that attempts are made in, by name."""

from __future__ import annotations

from shooting.attempt import KERNEL
from theodore_loader.sandbox.tier import Tier

CONTROL = "control"
GALLERY: dict[str, tuple[str, ...]] = {
    CONTROL: (),
    "process": ("process",),
    "rlimits": ("process", "rlimits"),
    "privileges": ("process", "privileges"),
    "landlock": ("process", "landlock"),
    "seccomp": ("process", "seccomp"),
    "hook": ("process", "hook"),
    "python-hook": ("process", "python-hook"),
    "kernel": KERNEL,
}
"""Layers put in place by hand in a child of the gallery. ``process`` is what every worker is: a process of its own
with nothing inherited."""

WORKERS = (
    {"standard": Tier.STANDARD, "isolated": Tier.ISOLATED} if hasattr(Tier, "ISOLATED") else {"standard": Tier.STANDARD}
)
"""Tiers of real workers."""

NEEDED = ("process", "rlimits", "privileges", "landlock", "seccomp", "hook")
"""The layers that one can be left out of, to see what opens: mode ``without <layer>``."""


def layers_of(mode: str) -> tuple[str, ...]:
    """Return the layers of a mode of the gallery. Raises KeyError for a name that is none."""
    if mode.startswith("without "):
        left_out = mode.removeprefix("without ")
        return tuple(layer for layer in NEEDED if layer != left_out)
    return GALLERY[mode]
