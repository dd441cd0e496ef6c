"""Where a map comes from: the files shipped with the toolchain, and those its user adds.

Only whoever runs the check adds maps, on the command line. The project under check never does: it would describe
itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.inference.capabilities.lookup import CapabilityMap
from theodore_plugin.inference.capabilities.sections import Section, cut


def shipped_files() -> Sequence[Path]:
    """Return the files of the shipped map, in order."""
    return sorted((policies_dir() / "capabilities").rglob("*.toml"))


@cache
def shipped_map() -> CapabilityMap:
    """Load the map that comes with the toolchain."""
    return _assemble(_shipped())


def load_maps(paths: Iterable[Path]) -> CapabilityMap:
    """Return the shipped map with users' files over it, later ones winning.

    Raises ConfigurationProblem, or a group of them, that names file, line, key and remedy.
    """
    from theodore_plugin.inference.capabilities.own_files import read_own

    own = [read_own(path) for path in paths]
    return _assemble([*_shipped(), *own]) if own else shipped_map()


Read = tuple[bytes, Sequence[Section]]
"""A file's bytes, and its libraries."""


def _shipped() -> list[Read]:
    return [_read(path) for path in shipped_files()]


def _read(path: Path) -> Read:
    try:
        data = path.read_bytes()
        return data, tuple(cut(data.decode()))
    except (OSError, ValueError) as error:
        raise ConfigurationProblem(
            f"capability map {path.name}: {error}",
            help="install theodore-plugin again: one of its data files is damaged",
        ) from error


def _assemble(files: Iterable[Read]) -> CapabilityMap:
    files = list(files)
    # each file's own digest first, so that moving text between files changes the whole one
    digest = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data, _ in files))
    return CapabilityMap([section for _, sections in files for section in sections], digest.hexdigest())
