"""An installed distribution: its ``.dist-info`` says what belongs to it, and every file is held to its digest.

1. METADATA says who it is and what it requires, RECORD which files are its own.
2. A file's bytes must have the SHA-256 (or better) that RECORD states; otherwise the file is *unreadable*, with the
   reason: what was changed after the installation is not the distribution any more.
3. A Python file inside one of its packages that RECORD does not know is *unreadable* as well: it is importable under
   the distribution's name.
4. An editable installation is read where its sources lie (:mod:`.editable`).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from theodore_plugin.distributions.editable import source_folders
from theodore_plugin.distributions.folder import editable_distribution
from theodore_plugin.distributions.installed_record import Record, read_record
from theodore_plugin.distributions.metadata import Metadata, read_metadata
from theodore_plugin.distributions.model import (
    HOOK_SUFFIX,
    NATIVE_SUFFIXES,
    Distribution,
    Unreadable,
    import_name,
    is_startup_hook,
    normalised,
)
from theodore_plugin.distributions.reading import MIB, read_regular
from theodore_plugin.project import UnreadableFile

MAX_FILE_BYTES = 16 * MIB
MAX_RECORD_BYTES = 64 * MIB
DIST_INFO = ".dist-info"
_FIRST_PART = re.compile(rb'^"?([^./\\,\r\n"][^/\\,\r\n"]*)', re.MULTILINE)
_DECIDING = ("RECORD", "METADATA", "direct_url.json")
_HOOK_MODULES = frozenset({"sitecustomize.py", "usercustomize.py"})


@dataclass(frozen=True, slots=True)
class _Verified:
    """Members of a folder, each held to the digest RECORD states."""

    folder: Path
    record: Record

    def read(self, path: str) -> bytes:
        """Return the content of a member. Raises :class:`Unreadable`."""
        stated = self.record.digests.get(path)
        if stated is None:
            raise Unreadable("RECORD states no SHA-256 of it")
        data = read_regular(self.folder / path, MAX_FILE_BYTES)
        algorithm, digest = stated
        if algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
            raise Unreadable(f"RECORD states a digest of unknown kind ({algorithm})")
        if hashlib.new(algorithm, data, usedforsecurity=True).hexdigest() != digest:
            raise Unreadable(f"does not have the {algorithm} RECORD states: it was changed after the installation")
        return data


def installed_distribution(dist_info: Path, python: tuple[int, int] | None = None) -> Distribution:
    """Read the distribution of a ``.dist-info`` folder. Never raises for what is in there: see ``gaps``."""
    gaps: list[UnreadableFile] = []
    raw_metadata = _metadata_file(dist_info, "METADATA", gaps)
    raw_record = _metadata_file(dist_info, "RECORD", gaps)
    metadata = _identified(read_metadata(raw_metadata), dist_info)
    digest = hashlib.sha256(raw_record or raw_metadata).hexdigest()
    record = read_record(raw_record, f"{dist_info.name}/RECORD")
    contents = _Verified(dist_info.parent, record)
    inputs = tuple(("file", str(dist_info.absolute() / name)) for name in _DECIDING)
    folders = source_folders(dist_info, contents)
    if folders is not None:
        return editable_distribution(metadata, folders, (*gaps, *record.gaps), inputs)
    files = _python_files(contents)
    gaps += [*record.gaps, *_unlisted(dist_info.parent, files, record.digests)]
    return Distribution(
        metadata.name,
        metadata.version,
        digest,
        files,
        native=tuple(sorted(path for path in record.digests if path.endswith(NATIVE_SUFFIXES))),
        requirements=metadata.requirements,
        python=python,
        startup_hooks=tuple(path for path in files if path.endswith(HOOK_SUFFIX) or path in _HOOK_MODULES),
        gaps=tuple(gaps),
        inputs=inputs,
        contents=contents,
    )


def name_of(dist_info: Path) -> tuple[str, str]:
    """Return the normalised name and the version a ``.dist-info`` folder's own name states."""
    name, _, version = dist_info.name.removesuffix(DIST_INFO).rpartition("-")
    return normalised(name or version), version if name else ""


def top_names(dist_info: Path) -> frozenset[str]:
    """Return the top-level names in RECORD, as cheaply as can be; an empty one if RECORD does not tell.

    An editable installation has its code elsewhere.
    """
    if (dist_info / "direct_url.json").exists():
        return frozenset({""})
    try:
        record = read_regular(dist_info / "RECORD", MAX_RECORD_BYTES)
    except Unreadable:
        return frozenset()
    return frozenset(name.decode("utf-8", "replace").partition(".")[0] for name in _FIRST_PART.findall(record))


def _metadata_file(dist_info: Path, name: str, gaps: list[UnreadableFile]) -> bytes:
    try:
        return read_regular(dist_info / name, MAX_RECORD_BYTES)
    except Unreadable as problem:
        gaps.append(UnreadableFile(f"{dist_info.name}/{name}", str(problem)))
        return b""


def _identified(metadata: Metadata, dist_info: Path) -> Metadata:
    if metadata.name and metadata.version:
        return metadata
    name, version = name_of(dist_info)
    return Metadata(metadata.name or name, metadata.version or version or "0", metadata.requirements)


def _python_files(contents: _Verified) -> dict[str, str | None]:
    """List importable files and start-up hooks; a ``.pth`` that cannot be read counts as a hook."""
    files: dict[str, str | None] = {}
    for path in sorted(contents.record.digests):
        if path.endswith(".py"):
            files[path] = import_name(path)
        elif path.endswith(HOOK_SUFFIX) and "/" not in path and _hooks(contents, path):
            files[path] = None
    return files


def _hooks(contents: _Verified, path: str) -> bool:
    try:
        return is_startup_hook(path, contents.read(path))
    except Unreadable:
        return True


def _unlisted(folder: Path, files: Mapping[str, str | None], listed: Mapping[str, object]) -> Iterator[UnreadableFile]:
    """Find Python files in the distribution's own packages that RECORD does not know."""
    packages = sorted(path.rpartition("/")[0] for path in files if path.endswith("/__init__.py"))
    for package in packages:
        for name in _names_in(folder / package):
            path = f"{package}/{name}"
            if name.endswith((".py", *NATIVE_SUFFIXES)) and path not in listed:
                yield UnreadableFile(path, "lies in the package, but RECORD does not know it")


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return []  # its files are missing too, and each is reported where it is read
