"""Summaries on disk, one file each, found by what they were made from.

The key names the bytes of the distribution, the capability map, the format and the interpreter's syntax. A file is
a small head, which says what else is needed, and the summary, each behind its SHA-256: what does not fit its
digest is as good as not there.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TypeVar

import msgspec

from theodore_loader.paths import cache_dir
from theodore_plugin import __version__
from theodore_plugin.inference.summaries.model import Summary

FORMAT = 1
"""Raised when summaries are made or written differently."""
_DIGEST = 32
_LENGTH = 4


class Head(msgspec.Struct, frozen=True):
    """What is needed to go on without reading the summary."""

    roots: tuple[str, ...]
    needs: tuple[str, ...]
    gaps: tuple[tuple[str, str], ...]


T = TypeVar("T", Head, Summary)


class SummaryStore:
    """A folder of summaries; safe for any number of processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_user(cls) -> SummaryStore:
        """Return this user's store."""
        return cls(cache_dir() / "summaries")

    def key(self, distribution: str, capabilities: str) -> str:
        """Return the name of the summary of a distribution, by its digest and the map's."""
        parts = (str(FORMAT), __version__, distribution, capabilities, ".".join(map(str, sys.version_info[:2])))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def head(self, key: str) -> Head | None:
        """Read the head of a summary; ``None`` if there is none, or it is damaged."""
        try:
            with (self.folder / key).open("rb") as file:
                start = file.read(_LENGTH + _DIGEST)
                payload = file.read(int.from_bytes(start[:_LENGTH], "big"))
        except OSError:
            return None
        return _decoded(payload, start[_LENGTH:], Head)

    def load(self, key: str) -> Summary | None:
        """Read a summary; ``None`` if there is none, or it is damaged."""
        try:
            data = (self.folder / key).read_bytes()
        except OSError:
            return None
        start = _LENGTH + _DIGEST + int.from_bytes(data[:_LENGTH], "big")
        return _decoded(data[start + _DIGEST :], data[start : start + _DIGEST], Summary)

    def save(self, key: str, summary: Summary) -> None:
        """Write a summary; a disk that is full or read-only costs time later, not the answer now."""
        head = msgspec.msgpack.encode(Head(summary.roots, summary.needs, summary.gaps))
        body = msgspec.msgpack.encode(summary)
        parts = (len(head).to_bytes(_LENGTH, "big"), _digest(head), head, _digest(body), body)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(b"".join(parts))
            Path(name).replace(self.folder / key)
        except OSError:
            return


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()


def _decoded(payload: bytes, digest: bytes, kind: type[T]) -> T | None:
    if _digest(payload) != digest:
        return None
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except msgspec.MsgspecError:
        return None
