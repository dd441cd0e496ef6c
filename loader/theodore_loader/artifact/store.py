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
from theodore_loader.trust.files import SignedFiles

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
        self._root_text = str(self._root)

    def add(self, wheel: Wheel) -> StoredWheel:
        """Store a verified wheel, unless it is there, and check every byte of it on disk.

        Raises :class:`Refused` (``record-mismatch``) as :meth:`open`.
        """
        private_dir(self._root)
        final = self._root / wheel.sha256
        if not final.is_dir():
            self._write(wheel, final)
        if _stored(str(final))[1] != wheel.data:
            raise _tampered(str(final), _OTHER_DIGEST)
        return _compared(final, wheel)

    def open(self, sha256: str) -> StoredWheel:
        """Return the stored wheel after checking all its bytes again.

        Raises :class:`ConfigurationProblem` if it is not there and :class:`Refused` (``record-mismatch``) if
        anything in its folder is not what was stored.
        """
        place = self._place(sha256)
        filename, data = _stored(place)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise _tampered(place, _OTHER_DIGEST)
        return _compared(Path(place), Wheel.read(data, filename))

    def unpacked(self, sha256: str) -> Mapping[str, bytes] | None:
        """Return every file of the unpacked wheel as it is on disk now, by POSIX path; nothing is compared.

        ``None`` if anything there is not a regular file, or cannot be read.
        """
        found = tree.contents(f"{self._place(sha256)}/tree")
        return None if found is None else MappingProxyType(found)

    def tree(self, sha256: str) -> Path:
        """Return the folder a stored wheel is unpacked in."""
        return self._folder(sha256) / "tree"

    def files(self, sha256: str, filename: str, bundle: bytes | None, attestations: bytes | None) -> SignedFiles:
        """Return the stored wheel, whose bytes have this digest, and what is unpacked of it, to be verified again.

        ``filename`` is what it was verified as, the rest its signatures; none is looked into. Raises as :meth:`open`.
        """
        place = self._place(sha256)
        _, data = _stored(place)
        found = SignedFiles(filename, data, bundle, attestations, unpacked=self.unpacked(sha256))
        if found.sha256 != sha256:
            raise _tampered(place, _OTHER_DIGEST)
        return found

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
        return Path(self._place(sha256))

    def _place(self, sha256: str) -> str:
        """Return the folder as text: a load asks several times, and paths take longer to make than to open."""
        if not _DIGEST.fullmatch(sha256):
            raise ConfigurationProblem(f"{sha256!r} is no SHA-256 digest", help="give 64 lower-case hex digits")
        return f"{self._root_text}/{sha256}"

    def _lock(self) -> FileLock:
        return FileLock(self._root / ".lock")


def _compared(folder: Path, wheel: Wheel) -> StoredWheel:
    """Hold the unpacked tree against the wheel it is of, byte for byte."""
    if problems := tree.differences(folder / "tree", wheel.entries):
        raise _tampered(str(folder), "; ".join(problems[:3]))
    return StoredWheel(folder / "tree", wheel.sha256, wheel)


def _stored(folder: str) -> tuple[str, bytes]:
    """Return file name and bytes of the wheel in ``folder``."""
    names = _listed(f"{folder}/wheel")
    if not names and not os.path.isdir(folder):  # noqa: PTH112 - paths as text, see `Store._place`
        digest = os.path.basename(folder)  # noqa: PTH119 - the same
        raise ConfigurationProblem(f"no plugin with digest {digest} is stored", help="install it again")
    wheels = [name for name in names if name.endswith(".whl")]
    data = tree.read_regular(f"{folder}/wheel/{wheels[0]}") if len(wheels) == 1 else None
    if data is None:
        raise _tampered(folder, _OTHER_DIGEST)
    return wheels[0], data


def _listed(folder: str) -> list[str]:
    """Return the names in a folder; none where there is no such folder."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names
    except (FileNotFoundError, NotADirectoryError):
        return []


def _tampered(folder: str, what: str) -> Refused:
    return Refused(
        "record-mismatch",
        f"the store was changed after verification, in {folder}: {what}",
        help="remove that folder and install the plugin again; then find out who wrote there",
    )
