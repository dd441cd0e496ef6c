"""The store of plugins: the very bytes that were verified, under their digest.

::

    <home>/store/
        .lock
        <sha256>/
            wheel/<file name>.whl     the verified file
            tree/…                    its entries, read-only: what a worker imports

Opening hashes the stored wheel, reads it with every check again and compares the tree with it byte for byte,
so whatever happened to the folder since, only verified content is handed out.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock

from theodore_loader.artifact import tree
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import private_dir

_DIGEST = re.compile(r"[0-9a-f]{64}")
_OTHER_DIGEST = "the stored wheel does not have the digest it is stored under"


@dataclass(frozen=True, slots=True)
class StoredWheel:
    """A wheel in the store. ``path`` is the unpacked tree, to be put on a worker's import path."""

    path: Path
    sha256: str
    wheel: Wheel = field(repr=False)


class Store:
    """The content-addressed store under one state folder; several processes may use it at once."""

    def __init__(self, home: Path) -> None:
        self._root = home / "store"

    def add(self, wheel: Wheel) -> StoredWheel:
        """Store a verified wheel, unless it is there, and check every byte of it on disk.

        Raises :class:`Refused` (``record-mismatch``) as :meth:`open`.
        """
        private_dir(self._root)
        final = self._root / wheel.sha256
        if not final.is_dir():
            self._write(wheel, final)
        if _stored(final)[1] != wheel.data:
            raise _tampered(final, _OTHER_DIGEST)
        return _compared(final, wheel)

    def open(self, sha256: str) -> StoredWheel:
        """Return the stored wheel after checking all its bytes again.

        Raises :class:`ConfigurationProblem` if it is not there and :class:`Refused` (``record-mismatch``) if
        anything in its folder is not what was stored.
        """
        folder = self._folder(sha256)
        filename, data = _stored(folder)
        _refuse_other(data, sha256, folder)
        return _compared(folder, Wheel.read(data, filename))

    def unpacked(self, sha256: str) -> Mapping[str, bytes] | None:
        """Return every file of the unpacked wheel as it is on disk now, by POSIX path; nothing is compared.

        ``None`` if anything there is not a regular file, or cannot be read.
        """
        found = tree.contents(self.tree(sha256))
        return None if found is None else MappingProxyType(found)

    def tree(self, sha256: str) -> Path:
        """Return the folder a stored wheel is unpacked in."""
        return self._folder(sha256) / "tree"

    def data(self, sha256: str) -> bytes:
        """Return the stored wheel's bytes, which have this digest; they are not looked into. Raises as :meth:`open`."""
        folder = self._folder(sha256)
        _, data = _stored(folder)
        _refuse_other(data, sha256, folder)
        return data

    def remove(self, sha256: str) -> None:
        """Forget a wheel; removing one that is not there is fine. Processes that have it open keep their files."""
        folder = self._folder(sha256)
        if not folder.is_dir():
            return
        with self._lock():
            # Renamed first: a half-removed folder must never be found under its digest.
            doomed = self._root / f"{tree.PARTIAL_PREFIX}removed-{sha256}"
            folder.rename(doomed)
            tree.remove_tree(doomed)

    def _write(self, wheel: Wheel, final: Path) -> None:
        with self._lock():
            tree.sweep(self._root)
            if not final.is_dir():
                with tree.appearing(final) as partial:
                    tree.write_tree(partial, {f"wheel/{wheel.filename}": wheel.data})
                    tree.write_tree(partial / "tree", wheel.entries)

    def _folder(self, sha256: str) -> Path:
        if not _DIGEST.fullmatch(sha256):
            raise ConfigurationProblem(f"{sha256!r} is no SHA-256 digest", help="give 64 lower-case hex digits")
        return self._root / sha256

    def _lock(self) -> FileLock:
        return FileLock(self._root / ".lock")


def _compared(folder: Path, wheel: Wheel) -> StoredWheel:
    """Hold the unpacked tree against the wheel it is of, byte for byte."""
    if problems := tree.differences(folder / "tree", wheel.entries):
        raise _tampered(folder, "; ".join(problems[:3]))
    return StoredWheel(folder / "tree", wheel.sha256, wheel)


def _refuse_other(data: bytes, sha256: str, folder: Path) -> None:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _tampered(folder, _OTHER_DIGEST)


def _stored(folder: Path) -> tuple[str, bytes]:
    """Return file name and bytes of the wheel in ``folder``."""
    if not folder.is_dir():
        raise ConfigurationProblem(f"no plugin with digest {folder.name} is stored", help="install it again")
    found = folder / "wheel"
    wheels = [name for name in os.listdir(found) if name.endswith(".whl")] if found.is_dir() else []  # noqa: PTH208 - names
    data = tree.read_regular(f"{found}/{wheels[0]}") if len(wheels) == 1 else None
    if data is None:
        raise _tampered(folder, _OTHER_DIGEST)
    return wheels[0], data


def _tampered(folder: Path, what: str) -> Refused:
    return Refused(
        "record-mismatch",
        f"the store was changed after verification, in {folder}: {what}",
        help="remove that folder and install the plugin again; then find out who wrote there",
    )
