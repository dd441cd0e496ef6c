"""Finding the entries of a list that are about a wheel, without looking at the others.

Every entry has one key, and a wheel has a handful: its digest, its signers under each name of their roots, its name
under each registry; and a few for each of its locked dependencies. Keys are digests, so that they spread evenly over
the buckets of a sealed list.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Protocol

from theodore_loader.artifact.lock import LockedPackage
from theodore_loader.trust.identity import matches
from theodore_loader.trust.revocations.document import Entry
from theodore_loader.trust.signatures import Signer

Entries = Mapping[str, Sequence[Entry]]
"""Entries by key."""
PACKAGE_INDEX = "index"
"""The registry that locked dependencies are of: the package index that a host fetches them from."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked up: a wheel, who signed it and what about it, and the registries whose plugins it is among.

    ``brings`` are the dependencies it is locked to.
    """

    sha256: str
    name: str
    version: str
    registries: frozenset[str] = frozenset()
    signers: tuple[Signer, ...] = ()
    brings: tuple[LockedPackage, ...] = ()


class Index(Protocol):
    """The entries of one list by key."""

    def at(self, key: str) -> Sequence[Entry]:
        """Return the entries with this key."""
        ...

    def all(self) -> Iterator[Entry]:
        """Yield every entry: for people, never for a decision."""
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """An index over entries that are all at hand."""

    entries: Entries

    def at(self, key: str) -> Sequence[Entry]:
        """Return the entries with this key."""
        return self.entries.get(key, ())

    def all(self) -> Iterator[Entry]:
        """Yield every entry."""
        return chain.from_iterable(self.entries.values())


def by_key(entries: Iterable[Entry]) -> Entries:
    """Return the entries by their keys."""
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[_key_of(entry)].append(entry)
    return found


def about(subject: Subject, index: Index, names_of: Mapping[str, frozenset[str]]) -> Iterator[Entry]:
    """Yield the entries of ``index`` that mean ``subject``; ``names_of`` gives by id what a root is called in lists."""
    yield from index.at(subject.sha256)
    yield from _about_version(subject.name, subject.version, subject.registries, index)
    for signer in subject.signers:
        for root in sorted(names_of.get(signer.root, frozenset({signer.root}))):
            yield from _about_signer(signer, root, index)


def about_locked(package: LockedPackage, index: Index, registries: Iterable[str]) -> Iterator[Entry]:
    """Yield the entries of ``index`` that mean a locked dependency: one of its wheels, or its version.

    ``registries`` are those that may speak of it: the package index, and whoever offers the plugin that brings it.
    """
    for sha256 in package.sha256:
        yield from index.at(sha256)
    yield from _about_version(package.name, package.version, registries, index)


@lru_cache(maxsize=32)
def root_names(document: bytes) -> frozenset[str]:
    """Return by which digests lists name a trusted root: its file, and each of its authorities' certificates.

    The digest of an authority's certificate outlives the rotation of a root's other keys.
    """
    with suppress(ValueError, TypeError, KeyError, AttributeError):  # step 3 has more to say about a damaged root
        return frozenset({hashlib.sha256(document).hexdigest(), *authority_names(document)})
    return frozenset({hashlib.sha256(document).hexdigest()})


def authority_names(document: bytes) -> Sequence[str]:
    """Return the digests of the certificates of a root's authorities, each chain from leaf to root; newest last.

    Raises ValueError, TypeError, KeyError or AttributeError for what is no trusted root.
    """
    chains = [one["certChain"]["certificates"] for one in json.loads(document)["certificateAuthorities"]]
    return [hashlib.sha256(base64.b64decode(one["rawBytes"])).hexdigest() for chain in chains for one in chain]


def _about_version(name: str, version: str, registries: Iterable[str], index: Index) -> Iterator[Entry]:
    for registry in sorted(registries):
        yield from (entry for entry in index.at(_key("versions", registry, name)) if entry.covers_version(version))


def _about_signer(signer: Signer, root: str, index: Index) -> Iterator[Entry]:
    for identity in (signer.identity, "*"):
        for entry in index.at(_key("signer", root, signer.issuer, identity)):
            if matches(entry.identity or "", signer.identity) and _is_late(entry, signer):
                yield entry


def _is_late(entry: Entry, signer: Signer) -> bool:
    # a signature of unknown age may be younger than the revocation
    return signer.signed_at is None or entry.since is None or signer.signed_at >= entry.since


def _key_of(entry: Entry) -> str:
    if entry.sha256 is not None:
        return entry.sha256
    if entry.registry is not None:
        return _key("versions", entry.registry, entry.plugin or "")
    identity = entry.identity or ""
    return _key("signer", entry.root or "", entry.issuer or "", "*" if "*" in identity else identity)


@lru_cache(maxsize=4096)
def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
