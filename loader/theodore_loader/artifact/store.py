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
import re
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from theodore_loader.artifact import tree
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import private_dir

_DIGEST = re.compile(r"[0-9a-f]{64}")


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
        """Store a verified wheel and return it as :meth:`open` would; adding it twice is fine."""
        private_dir(self._root)
        final = self._root / wheel.sha256
        with self._lock():
            tree.sweep(self._root)
            if not final.is_dir():
                with tree.appearing(final) as partial:
                    tree.write_tree(partial, {f"wheel/{wheel.filename}": wheel.data})
                    tree.write_tree(partial / "tree", wheel.entries)
        return self.open(wheel.sha256)

    def open(self, sha256: str) -> StoredWheel:
        """Return the stored wheel after checking all its bytes again.

        Raises :class:`ConfigurationProblem` if it is not there and :class:`Refused` (``record-mismatch``) if
        anything in its folder is not what was stored.
        """
        folder = self._folder(sha256)
        if not folder.is_dir():
            raise ConfigurationProblem(f"no plugin with digest {sha256} is stored", help="install it again")
        wheel = _stored_wheel(folder, sha256)
        if problems := tree.differences(folder / "tree", wheel.entries):
            raise _tampered(folder, "; ".join(problems[:3]))
        return StoredWheel(folder / "tree", sha256, wheel)

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

    def _folder(self, sha256: str) -> Path:
        if not _DIGEST.fullmatch(sha256):
            raise ConfigurationProblem(f"{sha256!r} is no SHA-256 digest", help="give 64 lower-case hex digits")
        return self._root / sha256

    def _lock(self) -> FileLock:
        return FileLock(self._root / ".lock")


def _stored_wheel(folder: Path, sha256: str) -> Wheel:
    wheels = list((folder / "wheel").glob("*.whl"))
    data = tree.read_regular(wheels[0]) if len(wheels) == 1 else None
    if data is None or hashlib.sha256(data).hexdigest() != sha256:
        raise _tampered(folder, "the stored wheel does not have the digest it is stored under")
    return Wheel.read(data, wheels[0].name)


def _tampered(folder: Path, what: str) -> Refused:
    return Refused(
        "record-mismatch",
        f"the store was changed after verification, in {folder}: {what}",
        help="remove that folder and install the plugin again; then find out who wrote there",
    )
