"""The lock as a check reads it: everything wrong in it, each at its line, where a host stops at the first.

Source: PEP 751. :mod:`theodore_loader.artifact.lock` is what hosts demand; the questions here are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from packaging.markers import UndefinedEnvironmentName
from packaging.pylock import Pylock, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement

from theodore_loader import strict_toml
from theodore_loader.artifact.lock import MAX_BYTES
from theodore_plugin.finding import Location
from theodore_plugin.project import PluginProject

LOCK_FILE = "pylock.toml"


@dataclass(frozen=True)
class Locked:
    """A project's lock: the parsed document as far as it is one, and what kept it from being a valid lock."""

    path: str
    text: str
    table: Mapping[str, Any]
    defect: str | None

    @property
    def packages(self) -> tuple[Mapping[str, Any], ...]:
        """The ``[[packages]]`` tables; whatever else stands there is the defect's matter."""
        found = self.table.get("packages")
        return tuple(item for item in found if isinstance(item, Mapping)) if isinstance(found, list) else ()

    def locate(self, package: Mapping[str, Any], *, file: str | None = None) -> Location:
        """Point at one of a package's files, or at its name."""
        lines = self.text.splitlines()
        name = f'name = "{package.get("name")}"'
        for number, line in enumerate(lines, start=1):
            if (file and file in line) or (not file and line.strip().startswith(name)):
                return Location(self.path, number, line.index(file or name) + 1)
        return Location(self.path)


def read_locked(project: PluginProject) -> Locked | None:
    """Return the project's lock, ``None`` if it has none."""
    if project.lock is None:
        return None
    path = PurePosixPath(project.project_file).with_name(LOCK_FILE).as_posix()
    return _read(project.lock, path)


@cache
def _read(data: bytes, path: str) -> Locked:
    if len(data) > MAX_BYTES:
        return Locked(path, "", {}, f"it is {len(data):,} bytes large, more than {MAX_BYTES:,}")
    text = data.decode("utf-8", "replace")
    try:
        table = strict_toml.loads(data.decode("utf-8"))
    except ValueError as defect:
        return Locked(path, text, {}, f"it is not TOML: {defect}")
    try:
        Pylock.from_dict(table)
    except PylockValidationError as defect:
        return Locked(path, text, table, str(defect))
    return Locked(path, text, table, None)


def requirements(project: PluginProject) -> Iterator[Requirement]:
    """Iterate over ``[project].dependencies`` that apply to this interpreter."""
    for need in parsed(project.table.get("dependencies", ())):
        try:
            if need.marker is None or need.marker.evaluate():
                yield need
        except (ValueError, UndefinedEnvironmentName):  # a comparison without an answer; packaging refuses it
            continue


def parsed(lines: Iterable[str]) -> Iterator[Requirement]:
    """Parse requirements; malformed ones are left out, because packaging refuses them with a better message."""
    for line in lines:
        try:
            yield Requirement(line)
        except InvalidRequirement:
            continue


def files(package: Mapping[str, Any], kind: str = "wheels") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Iterate over a package's files with their names."""
    found = package.get(kind)
    for entry in found if isinstance(found, list) else [found]:
        if isinstance(entry, Mapping):
            place = entry.get("name") or entry.get("path") or entry.get("url") or ""
            yield str(place).rpartition("/")[2], entry
