"""What a wheel ships, entry by entry."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.artifact.archive import list_archive
from theodore_loader.artifact.limits import PLUGIN
from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.packaging.additions import additions
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.epoch import source_date_epoch
from theodore_plugin.packaging.lock import relock, stale
from theodore_plugin.packaging.lock_format import canonical_lock
from theodore_plugin.packaging.normalise import normalise
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Settings


@dataclass(frozen=True, slots=True)
class Shipped:
    """One file in a wheel: its name there, bytes, digest, and the mode it is installed with."""

    name: str
    size: int
    sha256: str
    mode: str
    """``-rw-r--r--``, as ``ls`` writes it."""


def shipped(wheel: Wheel) -> tuple[Shipped, ...]:
    """Return every file of the wheel, in the archive's order."""
    modes = {entry.name: entry.mode for entry in list_archive(wheel.data, PLUGIN)}
    return tuple(
        Shipped(name, len(content), hashlib.sha256(content).hexdigest(), stat.filemode(modes[name]))
        for name, content in wheel.entries.items()
    )


def would_ship(project: PluginProject, settings: Settings) -> Wheel:
    """Build the wheel that ``package`` would write, in memory: nothing is checked, and nothing of the project changes.

    A missing or stale lock is resolved and not written. Raises as ``package`` does, but for the check.
    """
    lock = _lock(project, settings)
    epoch = source_date_epoch(project.root)
    added = additions(project, settings.policy, lock, epoch=epoch)
    built = build_wheel(project, epoch=epoch)
    return normalise(built.data, built.filename, added, epoch=epoch)


def read_shipped(path: Path) -> Wheel:
    """Read a wheel that is there already."""
    return Wheel.read(path.read_bytes(), path.name)


def _lock(project: PluginProject, settings: Settings) -> bytes:
    if project.lock is not None:
        existing = read_lock(project.lock)
        if next(stale(project, existing), None) is None:
            return canonical_lock(existing)
    return relock(project, age=settings.policy.dependencies).lock
