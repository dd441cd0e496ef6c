"""What verification asks of all lists of a host: whether they are current, and whether a wheel is among them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from theodore_loader.artifact.lock import LockedPackage
from theodore_loader.errors import Refused
from theodore_loader.paths import home_dir
from theodore_loader.trust.identity import matches
from theodore_loader.trust.protected import file_state
from theodore_loader.trust.purpose import Purpose
from theodore_loader.trust.revocations.document import Entry
from theodore_loader.trust.revocations.index import PACKAGE_INDEX, Index, Subject, about, about_locked, root_names
from theodore_loader.trust.revocations.kept import Place, opened
from theodore_loader.trust.revocations.owner import own_list, own_path
from theodore_loader.trust.revocations.signed import SKEW, STALE, Facts
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.trust_file import Revoker, TrustFile

REVOKED = "revoked"
YANKED = "version-yanked"
_Stamp = tuple[tuple[int, ...] | None, ...]
_UPDATE = "theodore-plugin revocations update"


@dataclass(frozen=True, slots=True)
class Source:
    """One list that is looked into; ``revoker`` is ``None`` for the owner's own."""

    revoker: Revoker | None
    facts: Facts
    index: Index

    @property
    def label(self) -> str:
        """What to call the list."""
        return f"list {self.facts.sequence}" + (f" of {self.revoker.id}" if self.revoker else "")

    def speaks_for(self, registries: frozenset[str]) -> frozenset[str]:
        """Return those of whose versions it may say anything: a revoker's list of its own, the owner's of all."""
        return registries if self.revoker is None else registries & {self.revoker.id}


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry about a wheel, and the list it stands in; ``locked`` is the dependency that is meant, if it is one."""

    source: Source
    entry: Entry
    locked: LockedPackage | None = None

    def __str__(self) -> str:
        whose = f"its dependency {self.locked}: " if self.locked else ""
        return f"{whose}{self.entry.reason} ({self.entry.url})"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lists have to say about a wheel that none of them blocks, in sentences and in a word each."""

    text: str
    warnings: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join((self.text, *self.warnings))


@dataclass(frozen=True, slots=True)
class Revocations:
    """The lists a host heeds: its owner's, and one of every revoker of its trust file. Read anew at each question."""

    trust: TrustFile
    home: Path
    _seen: dict[_Stamp, tuple[Source, ...]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, trust: TrustFile, home: Path | None = None) -> Revocations:
        """Return those of a state folder, by default this user's."""
        return cls(trust, home or home_dir())

    def sources(self) -> tuple[Source, ...]:
        """Return every list there is.

        Raises:
            Refused: a revoker's is missing, invalid, or older than one that was here.
            ConfigurationProblem: a file is damaged, or others could write it.

        """
        stamp = self.stamp()
        found = self._seen.get(stamp)
        if found is None:
            found = self._read()
            self._seen.clear()
            self._seen[stamp] = found  # as of before it was read: a change meanwhile is seen at the next question
        return found

    def _read(self) -> tuple[Source, ...]:
        own = own_list(own_path(self.trust.path))
        signed = [(revoker, opened(self.home, revoker, self.trust.roots)) for revoker in self.trust.revokers]
        found = [Source(revoker, list_.facts, list_.index) for revoker, list_ in signed]
        return tuple(([Source(None, own.facts, own.index)] if own else []) + found)

    def refuse_stale(self, now: datetime) -> None:
        """Raise ``revocation-list-stale`` for a list that is past its time, or older than the trust file allows.

        The general bound is for every revoker that has none of its own; where there is no revoker it is for the
        owner's list, which then must be there.
        """
        bound = self.trust.loader.max_revocation_age_days
        sources = self.sources()
        if bound is not None and not sources:
            raise Refused(
                STALE,
                f"the revocation list is missing; the trust file allows {bound} days",
                help=f"put the current list at {own_path(self.trust.path)}",
            )
        for source in sources:
            if source.revoker is not None:
                _refuse_old(source, source.revoker.max_age_days or bound, now, _UPDATE)
            elif not self.trust.revokers:
                _refuse_old(source, bound, now, f"put the current list at {own_path(self.trust.path)}")

    def check(self, subject: Subject, purpose: Purpose, *, accept_yanked: bool = False) -> Standing:
        """Return what there is to say about ``subject``; ``accept_yanked`` is the word of whoever installs it.

        Raises:
            Refused: ``revoked``, or ``version-yanked`` for an installation.

        """
        sources = self.sources()
        held = [hit for hit in self._hits(subject, sources) if hit.entry.withdrawn is None]
        for hit in held:
            _refuse(hit, subject, purpose, accept_yanked=accept_yanked)
        marks = dict.fromkeys(_MARKS[hit.entry.action] for hit in held)
        return Standing(
            _looked_into(sources, subject), tuple(f"{_MARKS[hit.entry.action]}: {hit}" for hit in held), tuple(marks)
        )

    def about(self, subject: Subject) -> tuple[Hit, ...]:
        """Return every entry about ``subject``, withdrawn ones too."""
        return tuple(self._hits(subject, self.sources()))

    def registries(self, name: str, publisher: Signer | None) -> frozenset[str]:
        """Return the registries whose version ranges apply to a plugin: those of every rule that fits its publisher.

        Claims are left aside: a receipt need not know them, and one registry too many refuses at worst.
        """
        return frozenset(
            rule.registry
            for rule in self.trust.publishers
            if rule.registry is not None
            and publisher is not None
            and (rule.signer.root, rule.signer.issuer) == (publisher.root, publisher.issuer)
            and matches(rule.signer.identity, publisher.identity)
            and any(matches(glob, name) for glob in rule.plugins)
        )

    def digests(self) -> Mapping[str, str]:
        """Return the digest of every list, by revoker, that of the owner's under ``""``: what decisions rest on."""
        return {source.revoker.id if source.revoker else "": source.facts.sha256 for source in self.sources()}

    def stamp(self) -> _Stamp:
        """Return what changes when a list or the trust file on disk does, without reading one."""
        revokers = tuple(revoker.id for revoker in self.trust.revokers)
        return tuple(_state(path) for path in _files(self.trust.path, self.home, revokers))

    def _hits(self, subject: Subject, sources: tuple[Source, ...]) -> Iterator[Hit]:
        """Yield what is said about ``subject``, what refuses first."""
        names = {root.id: root_names(root.document) for root in self.trust.roots.values()}
        own = {root: digests | {root} for root, digests in names.items()}
        found = [
            Hit(source, entry)
            for source in sources
            for entry in about(subject, source.index, names if source.revoker else own)
        ]
        found += (hit for source in sources for hit in _of_dependencies(subject, source))
        yield from sorted(found, key=lambda hit: _ORDER.index(hit.entry.action))


_ORDER = ("block-load", "block-install", "yank", "warn")
_MARKS = {"block-install": "not to be installed", "yank": "yanked", "warn": "warning"}


def _of_dependencies(subject: Subject, source: Source) -> Iterator[Hit]:
    """Yield what a list says about the locked dependencies of ``subject``, each entry with the first it means.

    A lock can name one wheel twenty thousand times, and what is said of it is told on the host's event loop.
    """
    registries = source.speaks_for(subject.registries | {PACKAGE_INDEX})
    said: set[Entry] = set()
    for package in subject.brings:
        for entry in about_locked(package, source.index, registries):
            if entry not in said:
                said.add(entry)
                yield Hit(source, entry, package)


def _refuse(hit: Hit, subject: Subject, purpose: Purpose, *, accept_yanked: bool) -> None:
    action = hit.entry.action
    if action == "block-load" or (action == "block-install" and purpose == "install"):
        raise Refused(
            REVOKED,
            f"{hit.source.label} revokes {_meant(hit, subject)}",
            help="use another version, see the address"
            + (f"; its author can lock another {hit.locked.name}" if hit.locked else ""),
        )
    if action == "yank" and purpose == "install" and not accept_yanked:
        raise Refused(
            YANKED,
            f"{hit.source.label} yanks {_meant(hit, subject)}",
            help="install another version; if it has to be this one: theodore-plugin install --allow-yanked",
        )


def _meant(hit: Hit, subject: Subject) -> str:
    return f"what {subject.name} {subject.version} is locked to, {hit}" if hit.locked else f"it: {hit}"


def _looked_into(sources: tuple[Source, ...], subject: Subject) -> str:
    if not sources:
        return "no revocation list on this host: none known"
    total = sum(source.facts.entries for source in sources)
    brought = f", nor is any of {len(subject.brings)} locked dependencies" if subject.brings else ""
    return f"not among {total:,} revocations ({', '.join(source.label for source in sources)}){brought}"


def _refuse_old(source: Source, days: int | None, now: datetime, way_out: str) -> None:
    facts = source.facts
    if facts.issued > now + SKEW:
        raise Refused(
            STALE,
            f"{source.label} was issued on {facts.issued:%Y-%m-%d %H:%M}Z, after this machine's time",
            help="set the clock: with a wrong one no list is known to be current",
        )
    if facts.expires is not None and facts.expires <= now:
        raise Refused(STALE, f"{source.label} has expired on {facts.expires:%Y-%m-%d %H:%M}Z", help=way_out)
    if days is not None and now - facts.issued > timedelta(days=days):
        raise Refused(
            STALE, f"{source.label} is of {facts.issued:%Y-%m-%d}; the trust file allows {days} days", help=way_out
        )


@lru_cache(maxsize=32)
def _files(trust_file: Path, home: Path, revokers: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files that answers depend on; as text, which is looked at several times for every plugin."""
    places = [Place(home, revoker) for revoker in revokers]
    signed = [path for place in places for path in (place.bundle, place.sequence)]
    return tuple(map(str, (trust_file, own_path(trust_file), *signed)))


def _state(path: str) -> tuple[int, ...] | None:
    try:
        return file_state(os.stat(path))  # noqa: PTH116 - asked many times for every plugin
    except OSError:
        return None
