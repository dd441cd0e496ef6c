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
    return tuple(Pin(name, version, _locate(name, text, path)) for name, version in sorted(found))


def _locate(name: str, text: str, path: str) -> Location:
    needle = f'name = "{name}"'
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() == needle:
            column = line.index(needle) + 1
            return Location(path, number, column, number, column + len(needle))
    return Location(path)
