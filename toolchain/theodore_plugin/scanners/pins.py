"""The exact packages a plugin will run with, read from its lock (PEP 751 ``pylock.toml``)."""

from __future__ import annotations

from dataclasses import dataclass

from theodore_loader.artifact.lock import read_lock
from theodore_plugin.finding import Location

LOCK_FILE = "pylock.toml"


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One locked package and where the lock says so."""

    name: str
    version: str
    location: Location

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def read_pins(lock: bytes, path: str = LOCK_FILE) -> tuple[Pin, ...]:
    """Return every package of a lock, sorted, each version once.

    Raises Refused, with the rule that says why, for a lock a host would not install: a package without an
    exact version could not be audited, and leaving it out would make it look audited.
    """
    text = lock.decode("utf-8", "replace")
    found = {(str(package.name), str(package.version)) for package in read_lock(lock).packages}
    return tuple(Pin(name, version, _locate(name, version, text, path)) for name, version in sorted(found))


def _locate(name: str, version: str, text: str, path: str) -> Location:
    """Return where the lock names the package: before this version, else at all."""
    needle, followed = f'name = "{name}"', f'version = "{version}"'
    lines = [line.strip() for line in text.splitlines()]
    named = [number for number, line in enumerate(lines, start=1) if line == needle]
    here = next((number for number in named if lines[number : number + 1] == [followed]), named[0] if named else None)
    if here is None:
        return Location(path)
    column = text.splitlines()[here - 1].index(needle) + 1
    return Location(path, here, column, here, column + len(needle))
