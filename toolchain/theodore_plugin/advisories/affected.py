"""Which versions of one package an advisory affects (https://ossf.github.io/osv-schema/#evaluation).

A version is affected if it is listed, or lies in a range of type ECOSYSTEM. Listed versions that are not PEP 440
are compared as text. Where a bound of a range cannot be read, the version is affected rather than not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from packaging.version import InvalidVersion, Version

Event = tuple[str, str]
"""``(introduced | fixed | last_affected | limit, version)``."""

_FIRST = Version("0.dev0")


@dataclass(frozen=True, slots=True)
class Affected:
    """What one advisory says of one package."""

    versions: tuple[str, ...] = ()
    ranges: tuple[tuple[Event, ...], ...] = ()

    def covers(self, version: str) -> bool:
        """Return whether ``version`` is affected."""
        if version in self.versions:
            return True
        parsed = read_version(version)
        if parsed is None:
            return False
        return _listed(parsed, self.versions) or any(_in_range(events, parsed) for events in self.ranges)

    def fixed(self) -> tuple[str, ...]:
        """Return every version named as fixed that is one, ascending."""
        named = {text for events in self.ranges for kind, text in events if kind == "fixed"}
        return tuple(sorted((text for text in named if read_version(text)), key=Version))


@lru_cache(maxsize=4096)
def read_version(text: str) -> Version | None:
    """Return the version, or ``None`` if it is not PEP 440."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _listed(version: Version, versions: Iterable[str]) -> bool:
    """Return whether the version is listed in another spelling, or as the one a local build was made from."""
    public = Version(version.public)
    return any(read_version(text) in {version, public} for text in versions)


def _in_range(events: Iterable[Event], version: Version) -> bool:
    """Walk the events in version order, as the OSV evaluation algorithm does; of equal ones the beginning is first."""
    affected = False
    for bound, kind in sorted(_bounds(events), key=lambda event: (event[0], event[1] != "introduced")):
        if kind == "introduced" and version >= bound:
            affected = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            affected = False
    return affected


def _bounds(events: Iterable[Event]) -> Iterator[tuple[Version, str]]:
    """Yield the readable bounds; an unreadable beginning counts as the first version, an unreadable end as none."""
    for kind, text in events:
        bound = _FIRST if text == "0" and kind == "introduced" else read_version(text)
        if bound is None and kind == "introduced":
            bound = _FIRST
        if bound is not None:
            yield bound, kind
