"""A folder of entries found by key: written whole or not at all, checked when read, bounded, nobody else's.

A key names everything its entry depends on, so entries are never stale, only unused. Whoever could write there could
make results up, so a folder that others can write is not used at all. Several processes may read, write and trim at
once; one that is killed leaves at most a temporary file, which the next trimming removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import cache_dir, private_dir
from theodore_loader.whole_file import replace_file
from theodore_plugin.store import entry

_KEPT = 0.8
"""What is left of the bound once entries go, so that they do not go one at a time."""


class Stored(NamedTuple):
    """One file of a store."""

    used: float
    """When it was last read or written (seconds since the epoch)."""
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class Store:
    """Entries in one folder, at most about ``max_bytes`` of them."""

    folder: Path
    max_bytes: int

    @classmethod
    def of_user(cls, name: str, max_bytes: int) -> Store | None:
        """Open a store of this user's; ``None`` where there is no folder that only this user can write."""
        folder = cache_dir() / name
        if not folder.is_absolute():  # no home folder: nothing is left behind wherever the user happens to stand
            return None
        try:
            return cls(private_dir(folder), max_bytes)
        except (OSError, ConfigurationProblem):
            return None

    def get(self, key: str) -> bytes | None:
        """Return what was put under a key; ``None`` if there is nothing, or it is damaged."""
        path = entry.place(str(self.folder), key)
        try:
            data = entry.read(path)
            os.utime(path)
        except (OSError, entry.Damaged):
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep data under a key. Too much of it, a full disk or a folder gone missing only costs time later."""
        if len(data) > entry.MAX_ENTRY_BYTES - entry.DIGEST_BYTES:
            return
        path = Path(entry.place(str(self.folder), key))
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, entry.seal(data), flush=False)

    def trim(self) -> None:
        """Remove the entries unused for longest if all together are too large."""
        entries = sorted(self.entries())
        total = sum(found.size for found in entries)
        if total <= self.max_bytes:
            return
        for found in entries:
            _remove(found)
            total -= found.size
            if total <= self.max_bytes * _KEPT:
                break

    def clean(self) -> int:
        """Remove everything and return how many bytes that were."""
        return sum(found.size for found in list(self.entries()) if _remove(found))

    def entries(self) -> Iterator[Stored]:
        """Yield everything that is stored, left-over temporary files included."""
        with contextlib.suppress(OSError):
            for shard in os.scandir(self.folder):
                yield from _files(shard.path)


def key_of(*parts: str) -> str:
    """Return the key of what depends on ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _files(folder: str) -> list[Stored]:
    found = []
    with contextlib.suppress(OSError):
        for item in os.scandir(folder):
            status = item.stat(follow_symlinks=False)
            found.append(Stored(status.st_mtime, status.st_size, item.path))
    return found


def _remove(found: Stored) -> bool:
    try:
        Path(found.path).unlink()
    except OSError:  # another process may be trimming, too
        return False
    return True
