"""What a signed list says, kept for the next load: found by key, without sigstore and without reading the rest.

::

    <seal on the next line, hex>
    {"origin": …, "facts": …, "buckets": {"00": [offset, length, sha256], …}}
    <bucket 00, JSON: {key: [entry, …], …}><bucket 01>…

The seal covers the second line, and that the digest of every bucket, so that also the *absence* of an entry is known.
A file that is damaged or from another home counts as none: the list is authenticated again. ``origin`` says what was
authenticated: a bundle that is as it was left then (its inode, size and times) need not even be read.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import refuse_writable_by_others
from theodore_loader.regular_file import open_regular
from theodore_loader.trust.revocations.document import Entry
from theodore_loader.trust.revocations.index import Entries
from theodore_loader.trust.revocations.signed import Facts
from theodore_loader.trust.seal import Seal
from theodore_loader.whole_file import replace_file

_PREFIX = 2
"""Hex digits of a key that name its bucket: 256 buckets."""


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an index was made of.

    ``trusted`` is the digest of what made the bundle the revoker's list, ``sha256`` the bundle's, ``state`` how its
    file was left (:func:`~theodore_loader.trust.protected.file_state`).
    """

    trusted: str
    sha256: str
    state: tuple[int, ...]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: Origin
    facts: Facts
    buckets: dict[str, tuple[int, int, str]]


class Sealed:
    """An index in a file; a bucket is read and held against its digest when it is first asked for."""

    def __init__(self, path: Path, content: mmap.mmap, start: int, header: _Header) -> None:
        self.origin, self.facts = header.origin, header.facts
        self._path = path
        self._content = content  # the file may be replaced meanwhile: this stays what was opened
        self._start = start
        self._buckets = header.buckets
        self._read: dict[str, Mapping[str, msgspec.Raw]] = {}

    def at(self, key: str) -> Sequence[Entry]:
        """Return the entries with this key; raises ConfigurationProblem where the file was damaged."""
        name = key[:_PREFIX]
        if name not in self._read:
            self._read[name] = self._bucket(name)
        raw = self._read[name].get(key)
        return () if raw is None else msgspec.json.decode(raw, type=list[Entry])

    def all(self) -> Iterator[Entry]:
        """Yield every entry; raises as :meth:`at`."""
        for name in self._buckets:
            for raw in self._bucket(name).values():
                yield from msgspec.json.decode(raw, type=list[Entry])

    def _bucket(self, name: str) -> Mapping[str, msgspec.Raw]:
        if name not in self._buckets:
            return {}
        offset, length, sha256 = self._buckets[name]
        data = self._content[self._start + offset : self._start + offset + length]
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ConfigurationProblem(f"{self._path} is damaged", help="remove it; it is made again from the list")
        return msgspec.json.decode(data, type=dict[str, msgspec.Raw])


def find(path: Path, seal: Seal) -> Sealed | None:
    """Return the index at ``path`` if it was made here; what of is for the caller to look at."""
    with suppress(OSError, ValueError, ConfigurationProblem, msgspec.MsgspecError):
        content = _mapped(path)
        signature, line = content.readline(), content.readline()
        if seal.fits(signature.rstrip(b"\n"), line):
            return Sealed(path, content, content.tell(), msgspec.json.decode(line, type=_Header))
    return None


def keep(path: Path, seal: Seal, origin: Origin, facts: Facts, entries: Entries) -> bool:
    """Write an index; tells whether it could be written."""
    buckets = {name: msgspec.json.encode(one) for name, one in sorted(_bucketed(entries).items())}
    places, offset = {}, 0
    for name, data in buckets.items():
        places[name] = (offset, len(data), hashlib.sha256(data).hexdigest())
        offset += len(data)
    line = msgspec.json.encode(_Header(origin, facts, places)) + b"\n"
    with suppress(OSError, ConfigurationProblem):
        signature = seal.on(line)
        if signature is not None:
            replace_file(path, b"".join((signature, b"\n", line, *buckets.values())))
            return True
    return False


def _bucketed(entries: Entries) -> Mapping[str, dict[str, Sequence[Entry]]]:
    found: defaultdict[str, dict[str, Sequence[Entry]]] = defaultdict(dict)
    for key, those in entries.items():
        found[key[:_PREFIX]][key] = those
    return found


def _mapped(path: Path) -> mmap.mmap:
    descriptor = open_regular(path)
    try:
        refuse_writable_by_others(os.fstat(descriptor), path)
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
