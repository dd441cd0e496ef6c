"""Facts on disk, by content: what was lowered once is read back twenty times faster, and without libcst.

An entry's name is the digest of everything its facts depend on, so an entry is never stale, only unused. Whoever can
write there can make facts up, so the folder is this user's alone; a folder that is not is not used at all. What an
entry holds counts only with the digest in front of it: a damaged one is computed again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import cache_dir, private_dir
from theodore_plugin.facts.model import ModuleFacts
from theodore_plugin.facts.storage import DamagedFacts, decode
from theodore_plugin.project import SourceFile

MAX_BYTES = 512 * 1024 * 1024
"""About nine million lines. Beyond it the entries unused for longest go first."""
_KEPT = 0.8
"""What is left of ``MAX_BYTES`` once entries go, so that they do not go one at a time."""
_DIGEST_BYTES = 32


class FrontEnd(StrEnum):
    """What lowered a file. Facts differ in their comments alone, but which files it accepts differs, too."""

    OWN = "libcst"
    DEPENDENCY = "ast"


class FactsCache:
    """The stored facts of one user; safe under several processes, as entries are written whole or not at all."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    @classmethod
    def of_user(cls) -> FactsCache | None:
        """Open this user's cache; ``None`` where there is no folder that only this user can write."""
        folder = cache_dir() / "facts"
        if not folder.is_absolute():  # no home folder: nothing is left behind wherever the user happens to stand
            return None
        try:
            return cls(private_dir(folder))
        except (OSError, ConfigurationProblem):
            return None

    def get(self, file: SourceFile, front_end: FrontEnd) -> ModuleFacts | None:
        """Return the facts stored for exactly this file, or ``None``."""
        path = self._path(file, front_end)
        try:
            stored = path.read_bytes()
            if hashlib.sha256(stored[_DIGEST_BYTES:]).digest() != stored[:_DIGEST_BYTES]:
                return None
            facts = decode(stored[_DIGEST_BYTES:])
            os.utime(path)
        except (OSError, DamagedFacts):
            return None
        return facts if (facts.digest, facts.path, facts.module) == (file.digest, file.path, file.module) else None

    def put(self, file: SourceFile, front_end: FrontEnd, encoded: bytes) -> None:
        """Store a file's encoded facts. A full disk or a folder gone missing only costs time later."""
        path = self._path(file, front_end)
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _write_whole(path, hashlib.sha256(encoded).digest() + encoded)

    def trim(self) -> None:
        """Remove the entries unused for longest if all together are too large."""
        entries = sorted(self._entries())
        total = sum(size for _, size, _ in entries)
        if total <= self.max_bytes:
            return
        for _, size, path in entries:
            with contextlib.suppress(OSError):  # another process may be trimming, too
                Path(path).unlink()
            total -= size
            if total <= self.max_bytes * _KEPT:
                break

    def _entries(self) -> Iterator[tuple[float, int, str]]:
        """Yield time of last use, size and path of everything stored, left-over temporary files included."""
        with contextlib.suppress(OSError):
            for shard in os.scandir(self.folder):
                yield from _files(shard.path)

    def _path(self, file: SourceFile, front_end: FrontEnd) -> Path:
        parts = (_lowering_digest(), front_end, file.path, file.module or "\0", file.digest)
        key = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / key[:2] / key[2:]


def _files(folder: str) -> Iterable[tuple[float, int, str]]:
    found = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            status = entry.stat(follow_symlinks=False)
            found.append((status.st_mtime, status.st_size, entry.path))
    return found


def _write_whole(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix="writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@functools.cache
def _lowering_digest() -> str:
    """Digest of this package's own code and the interpreter's version: whatever changes facts changes it."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
