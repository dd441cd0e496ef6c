"""How much of what is kept, and removing it: the stores, and the folders that tools keep for themselves."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.paths import cache_dir
from theodore_plugin.store.catalogue import FOLDERS, KINDS, Folder, Kind
from theodore_plugin.store.store import Store


@dataclass(frozen=True, slots=True)
class Usage:
    """One cache: how many entries there are, how many bytes, and how many it may take (``None``: no bound)."""

    name: str
    holds: str
    entries: int
    bytes: int
    bound: int | None


def usage() -> list[Usage]:
    """Return what is kept, every cache, empty ones too."""
    return [*map(_of_store, KINDS), *map(_of_folder, FOLDERS)]


def clean() -> int:
    """Remove everything that is kept and return how many bytes that were; what is in use is made again."""
    freed = sum(item.bytes for item in usage())
    for kind in (*KINDS, *FOLDERS):
        shutil.rmtree(cache_dir() / kind.name, ignore_errors=True)
    return freed - sum(item.bytes for item in usage())


def _of_store(kind: Kind) -> Usage:
    sizes = [found.size for found in Store(cache_dir() / kind.name, kind.max_bytes).entries()]
    return Usage(kind.name, kind.holds, len(sizes), sum(sizes), kind.max_bytes)


def _of_folder(folder: Folder) -> Usage:
    root = cache_dir() / folder.name
    sizes = list(_sizes(root))
    count = len(list(root.iterdir())) if root.is_dir() else 0
    return Usage(folder.name, folder.holds, count, sum(sizes), folder.max_bytes)


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # another process may be making room
            if path.is_file() and not path.is_symlink():
                yield path.stat().st_size
