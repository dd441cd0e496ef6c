"""What is different between two locks, for whoever reads the command's output or reviews the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.pylock import Package, Pylock


@dataclass(frozen=True, slots=True)
class Change:
    """One distribution that is locked otherwise than before; ``before`` or ``after`` is empty where it is not locked.

    ``detail`` says what is different at the same versions.
    """

    name: str
    before: str
    after: str
    detail: str = ""

    def __str__(self) -> str:
        if not self.before:
            return f"+ {self.name} {self.after}"
        if not self.after:
            return f"- {self.name} {self.before}"
        if self.before != self.after:
            return f"~ {self.name} {self.before} -> {self.after}"
        return f"~ {self.name} {self.after}: {self.detail}"


def changes(before: Pylock | None, after: Pylock) -> tuple[Change, ...]:
    """Return what decides an installation and is different, by name; upload times and who needs what do not count."""
    return tuple(_changes(_by_name(before), _by_name(after)))


def range_changes(before: Pylock | None, after: Pylock) -> tuple[str, ...]:
    """Return where the declared Pythons and platforms are different."""
    if before is None:
        return ()
    found = []
    if before.requires_python != after.requires_python:
        found.append(f"Python {before.requires_python or 'any'} -> {after.requires_python or 'any'}")
    if _environments(before) != _environments(after):
        found.append("other platforms")
    return tuple(found)


def _changes(old: dict[str, list[Package]], new: dict[str, list[Package]]) -> Iterator[Change]:
    for name in sorted(old | new):
        before, after = old.get(name, []), new.get(name, [])
        change = Change(name, _versions(before), _versions(after), _detail(before, after))
        if change.before != change.after or change.detail:
            yield change


def _by_name(lock: Pylock | None) -> dict[str, list[Package]]:
    found: dict[str, list[Package]] = {}
    for package in lock.packages if lock else ():
        found.setdefault(package.name, []).append(package)
    return found


def _versions(packages: list[Package]) -> str:
    return ", ".join(str(version) for version in sorted(package.version for package in packages if package.version))


def _detail(before: list[Package], after: list[Package]) -> str:
    parts = []
    if [_files(package) for package in before] != [_files(package) for package in after]:
        parts.append("other files")
    if [str(package.marker) for package in before] != [str(package.marker) for package in after]:
        parts.append("another condition")
    return ", ".join(parts)


def _files(package: Package) -> frozenset[tuple[str, str | None]]:
    return frozenset((wheel.filename, wheel.hashes.get("sha256")) for wheel in package.wheels or ())


def _environments(lock: Pylock) -> list[str]:
    return sorted(map(str, lock.environments or ()))
