"""Whether a runtime folder is what this host would make now.

Sources and extensions are compared with the digests of the host's own; bytecode with the digests that were written down
beside the folder when it was made. That finds damage and tampering by whoever cannot write to both; who can write to
the whole state folder can also replace the trust file, and is this user.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

Signature = tuple[tuple[str, int, int, int, int, int, int], ...]
"""Name, inode, mode, owner, size, and the times of change of everything in a folder."""


def signature(folder: Path) -> Signature | None:
    """Return what changes when anything in ``folder`` does, without reading it; ``None`` when there is none."""
    try:
        return tuple(
            (name, at.st_ino, at.st_mode, at.st_uid, at.st_size, at.st_mtime_ns, at.st_ctime_ns)
            for name, at in sorted(_entries(folder))
        )
    except OSError:
        return None


def problem(folder: Path, sources: Mapping[str, str]) -> str | None:
    """Return what is wrong with ``folder``, or ``None``. ``sources`` are the digests of all but the bytecode."""
    try:
        written = json.loads(_sums(folder).read_bytes())
        found = dict(_entries(folder))
    except (OSError, ValueError) as problem:
        return f"it cannot be read: {problem}"
    wanted: Mapping[str, str] = {**(written if isinstance(written, dict) else {}), **sources}
    files = {name: status for name, status in found.items() if not stat.S_ISDIR(status.st_mode)}
    if files.keys() != wanted.keys():
        return f"it has other files than it should: {', '.join(sorted(files.keys() ^ wanted.keys())[:3])}"
    for name, status in found.items():
        if complaint := _about(folder, name, status, wanted.get(name)):
            return complaint
    return None


def seal(building: Path, target: Path) -> None:
    """Take the right to write from everything in ``building``, and write down what is in it beside ``target``."""
    files = [name for name, status in _entries(building) if stat.S_ISREG(status.st_mode)]
    sums = {name: _digest(building / name) for name in files}
    for root, _folders, names in os.walk(building, topdown=False):
        for name in names:
            Path(root, name).chmod(0o444)
        if Path(root) != building:
            Path(root).chmod(0o555)
    fresh = _sums(building)
    fresh.write_text(json.dumps(sums))
    fresh.replace(_sums(target))


def _sums(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.sums")


def _about(folder: Path, name: str, status: os.stat_result, digest: str | None) -> str | None:
    if status.st_uid not in (0, os.geteuid()):
        return f"{name} belongs to another user"
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        return f"{name} is no regular file"
    return None if _digest(folder / name) == digest else f"{name} was changed"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _entries(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield relative name and status of everything below ``folder``; links are not followed. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield prefix + entry.name, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(folder / entry.name, f"{prefix}{entry.name}/")
