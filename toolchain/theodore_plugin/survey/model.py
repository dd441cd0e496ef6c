"""What a survey establishes about one package: which permissions its code can exercise, and where that ends.

A survey judges nothing. It keeps what was not looked at beside what was found, so that nothing looks clean that
was only not seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from theodore_plugin.distributions.model import Input
from theodore_plugin.finding import Location, Step
from theodore_plugin.inference.model import Certainty, InferredPermission, Phase, Unknown
from theodore_plugin.project import SkippedFile, UnreadableFile
from theodore_plugin.report.model import DeclaredPermission


class Kind(StrEnum):
    """What the package was read from."""

    SOURCE = "source"
    WHEEL = "wheel"
    ARCHIVE = "archive"
    INSTALLED = "installed"


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Which package was looked at."""

    name: str
    version: str
    kind: Kind
    path: str
    """How it is called in paths: the folder's, file's or distribution's name, never an absolute path."""
    digest: str
    """As of :attr:`theodore_plugin.distributions.Distribution.digest`."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version not in {"", "0"} else self.name


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency the answer rests on."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Site:
    """One place where a row's permission is exercised, and the shortest chain to it."""

    symbol: str
    """What is used there, or the first of several things it may be."""
    certainty: Certainty
    chain: tuple[Step, ...]
    """In the package's own code, entry point first, the act last; never empty."""
    within: tuple[Step, ...] = ()
    """How it goes on inside a dependency that was followed; paths are relative to where that is installed."""

    @property
    def location(self) -> Location:
        """Where the act itself is written."""
        return self.chain[-1].location


@dataclass(frozen=True, slots=True)
class Row:
    """One answer: in this phase the code can do this, to this target, itself or through a dependency."""

    phase: Phase
    type: str
    access: str
    target: str | None
    through: str | None
    """The dependency whose interface is used; ``None`` for what the package does by itself."""
    sites: tuple[Site, ...]
    """Strongest first, then by place; never empty."""

    @property
    def certainty(self) -> Certainty:
        """How well the best of its sites is established."""
        return self.sites[0].certainty

    @property
    def sort_key(self) -> tuple[int, str, str, bool, str, bool, str]:
        """Phases apart, then by permission; own code before dependencies, named targets before open ones."""
        own = self.through is None
        return (
            PHASES.index(self.phase),
            self.type,
            self.access,
            not own,
            self.through or "",
            self.target is None,
            self.target or "",
        )


IMPORTING = "import "
"""How the symbol of an act begins that is the import of a dependency."""
PHASES = (Phase.IMPORT, Phase.CALL, Phase.UNREACHED)
"""In the order a reader wants them: what happens unasked first."""
_STRENGTH = (Certainty.PROVEN, Certainty.RESOLVED, Certainty.HELD)


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything established about one package, in an order that depends on nothing but its content."""

    package: Surveyed
    rows: tuple[Row, ...]
    unknown: tuple[Unknown, ...]
    analysed: int
    """Files that were looked at completely."""
    lines: int
    calls_seen: int = 0
    calls_resolved: int = 0
    failed: tuple[UnreadableFile, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    declared: tuple[DeclaredPermission, ...] | None = None
    """``None`` if the package is no plugin, or its declaration cannot be read."""
    startup_hooks: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    followed: tuple[Dependency, ...] = ()
    inputs: tuple[Input, ...] | None = ()
    """What the answer rests on; ``None`` if the same question may get another answer although nothing changed:
    an index was asked, or something failed that may succeed next time."""

    @property
    def complete(self) -> bool:
        """Whether every file was looked at."""
        return not self.failed


def rows_of(permissions: Iterable[InferredPermission]) -> tuple[Row, ...]:
    """Gather single acts into rows; several things used in one place are one site, by the shortest chain."""
    gathered: dict[tuple[Phase, str, str, str | None, str | None], dict[object, Site]] = {}
    for found in permissions:
        key = (found.phase, found.permission.value, found.access, found.target, found.through)
        site = Site(found.symbol, found.confidence, found.chain, found.within)
        sites = gathered.setdefault(key, {})
        place = _place(site)
        known = sites.get(place)
        if known is None or _site_order(site) < _site_order(known):
            sites[place] = site
    rows = (Row(*key, tuple(sorted(sites.values(), key=_site_order))) for key, sites in gathered.items())
    return tuple(sorted(rows, key=lambda row: row.sort_key))


def _place(site: Site) -> object:
    """Return what counts as one place: a location; of what mere importing does, a file, whatever it imports."""
    return (site.location.path, site.within) if site.symbol.startswith(IMPORTING) else site.location


def _site_order(site: Site) -> tuple[int, int, Location, str]:
    return (_STRENGTH.index(site.certainty), len(site.chain), site.location, site.symbol)
