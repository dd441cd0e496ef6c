"""The signed lists of this host: where they are, and how one is opened for a look."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.trust.protected import file_state, read_protected, refuse_exposed
from theodore_loader.trust.revocations import high_water, sealed
from theodore_loader.trust.revocations.index import Index, InMemory, by_key
from theodore_loader.trust.revocations.sealed import Origin
from theodore_loader.trust.revocations.signed import MAX_BUNDLE, STALE, Facts, SignedList, authenticate
from theodore_loader.trust.seal import Seal, versions
from theodore_loader.trust.trust_file import Revoker, Root

FORMAT = 1
"""Raised whenever what is accepted as a list, or how it is indexed, changes."""
_opening = threading.Lock()
"""A list is authenticated once, however many threads ask for it at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one revoker in a state folder."""

    home: Path
    revoker: str

    @property
    def bundle(self) -> Path:
        """The signed list."""
        return self._file("sigstore.json")

    @property
    def sequence(self) -> Path:
        """The highest sequence ever seen."""
        return self._file("sequence.json")

    @property
    def index(self) -> Path:
        """What the list says, sealed."""
        return self._file("index")

    @property
    def fetched(self) -> Path:
        """Which state of a web server's file was fetched last."""
        return self._file("fetched.json")

    @property
    def lock(self) -> FileLock:
        """What whoever changes these files holds."""
        return FileLock(self._file("lock"), mode=0o600)

    def _file(self, suffix: str) -> Path:
        return self.home / "revocations" / f"{self.revoker}.{suffix}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A list of a revoker, authentic, with its entries by key."""

    facts: Facts
    index: Index


def opened(home: Path, revoker: Revoker, roots: Mapping[str, Root]) -> Opened:
    """Return the list of ``revoker`` on this host; its age is not looked at.

    Raises:
        Refused: there is none (``revocation-list-stale``), it is older than one that was here
            (``revocation-list-went-back``), or as :func:`~.signed.authenticate`.
        ConfigurationProblem: a file is damaged, or others could write it.

    """
    place = Place(home, revoker.id)
    highest = high_water.read(place.sequence)  # before the list: see there
    try:
        status = place.bundle.stat()
    except FileNotFoundError:
        raise Refused(
            STALE,
            f"no revocation list of {revoker.id} is on this host, and the trust file asks for it",
            help="theodore-plugin revocations update FILE|URL",
        ) from None
    with _opening:
        found = _opened(_Request((place, file_state(status), _trusted(revoker, roots)), revoker, roots))
    if highest is not None:
        highest.refuse(found.facts)
    return found


def settle(place: Place, origin: Origin, signed: SignedList) -> Opened:
    """Remember what was authenticated: its sequence, and what it says. What cannot be written is done again later."""
    entries = by_key(signed.entries)
    with suppress(OSError, Timeout, ConfigurationProblem), place.lock.acquire(timeout=0):
        highest = high_water.read(place.sequence)
        if highest is None or highest.sequence < signed.facts.sequence:
            high_water.remember(place.sequence, signed.facts)
    seal = Seal(place.home)
    if sealed.keep(place.index, seal, origin, signed.facts, entries):
        kept = sealed.find(place.index, seal)
        if kept is not None and kept.origin == origin:
            return Opened(kept.facts, kept)
    return Opened(signed.facts, InMemory(entries))


@dataclass(frozen=True, slots=True)
class _Request:
    """A list to be opened; equal to another one if what comes out is the same."""

    key: tuple[Place, tuple[int, ...], str]
    revoker: Revoker = field(compare=False)
    roots: Mapping[str, Root] = field(compare=False)


@lru_cache(maxsize=16)
def _opened(request: _Request) -> Opened:
    place, status, trusted = request.key
    kept = sealed.find(place.index, Seal(place.home))
    if kept is not None and (kept.origin.trusted, kept.origin.state) == (trusted, status):
        refuse_exposed(place.bundle)
        return Opened(kept.facts, kept)
    data = read_protected(place.bundle, MAX_BUNDLE)
    origin = Origin(trusted, hashlib.sha256(data).hexdigest(), status)
    if kept is not None and (kept.origin.trusted, kept.origin.sha256) == (trusted, origin.sha256):
        return Opened(kept.facts, kept)
    return settle(place, origin, authenticate(data, (request.revoker,), request.roots))


def origin_of(data: bytes, place: Place, revoker: Revoker, roots: Mapping[str, Root]) -> Origin:
    """Return what an index of the list in ``data``, which is in place, is made of."""
    return Origin(_trusted(revoker, roots), hashlib.sha256(data).hexdigest(), file_state(place.bundle.stat()))


def _trusted(revoker: Revoker, roots: Mapping[str, Root]) -> str:
    """Return the digest of what decides whether a bundle is a list of ``revoker``."""
    signer = revoker.signer
    claims = tuple(sorted(signer.claims.items()))
    return _digest(revoker.id, signer.root, signer.issuer, signer.identity, claims, roots[signer.root].document)


@lru_cache(maxsize=64)
def _digest(*parts: str | bytes | tuple[tuple[str, str], ...]) -> str:
    """Hash what a belief rests on; always the same few, and asked for every plugin."""
    plain = [hashlib.sha256(part).hexdigest() if isinstance(part, bytes) else part for part in parts]
    return hashlib.sha256(strict_json.canonical([FORMAT, versions(), *plain])).hexdigest()
