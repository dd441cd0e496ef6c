"""A wheel's files explained by sources: which file of the tree each of them is, or which metadata says the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from theodore_loader.artifact.contents import top_levels
from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.packaging.absent import first_absent, takes_everything
from theodore_plugin.packaging.difference import Difference, content_difference
from theodore_plugin.packaging.source_copy import source_paths
from theodore_plugin.project import PluginProject
from theodore_plugin.project.core_metadata import project_table
from theodore_plugin.project.wheel import entry_point_tables

_SIDES = ("the wheel", "the sources")
_BUILT_AGAIN = ("the wheel", "what was built again")
_WRITTEN_BY_BACKENDS = frozenset({"WHEEL", "top_level.txt", "zip-safe", "namespace_packages.txt"})
"""Files of ``.dist-info`` that no source holds, and that make nothing run."""


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a source tree by their last path component, what ``[project]`` says, and whether all is taken."""

    by_name: Mapping[str, tuple[Path, ...]]
    table: Mapping[str, Any]
    whole: bool = False
    """Whether a wheel of it holds every module of its packages."""

    @classmethod
    def of(cls, project: PluginProject, root: Path) -> SourceFiles:
        """Look at the names; contents are read when they are asked for."""
        found: dict[str, list[Path]] = {}
        for path in source_paths(root):
            found.setdefault(path.name, []).append(path)
        by_name = {name: tuple(paths) for name, paths in found.items()}
        return cls(by_name, project.table, takes_everything(root, project.pyproject))

    def candidates(self, name: str) -> Iterator[bytes]:
        """Iterate over contents of files that a wheel could have under ``name``, the likeliest first."""
        wanted = PurePosixPath(name).parts
        paths = self.by_name.get(wanted[-1], ())
        yield from (path.read_bytes() for path in sorted(paths, key=lambda path: _unlike(path.parts, wanted)))

    def likeliest(self, name: str) -> bytes | None:
        """Return the content of the file whose path ends like ``name``, if there is one."""
        found = self._place(name)
        return None if found is None else found.read_bytes()

    def packages(self, names: Iterable[str]) -> Mapping[str, Path]:
        """Return the folders of top-level packages, as far as they are here."""
        places = {name: self._place(f"{name}/__init__.py") for name in names}
        return {name: place.parent for name, place in places.items() if place is not None}

    def _place(self, name: str) -> Path | None:
        wanted = PurePosixPath(name).parts
        paths = (path for path in self.by_name.get(wanted[-1], ()) if path.parts[-len(wanted) :] == wanted)
        return min(paths, key=lambda path: len(path.parts), default=None)


def first_unexplained(
    wheel: Wheel, files: SourceFiles, again: Wheel | None, added: Mapping[str, bytes]
) -> Difference | None:
    """Return the first entry of ``wheel`` that is neither as ``again`` built it nor as the sources have it.

    ``added`` is what packaging adds to ``.dist-info``, where there is no ``again``. With ``again``, files that the
    wheel lacks count too; without, modules of its packages, unless the project is configured to leave anything out.
    """
    rebuilt = {} if again is None else dict(again.entries)
    for name, content in sorted(wheel.entries.items(), key=lambda item: (item[0].startswith(wheel.dist_info), item[0])):
        if name.endswith("/RECORD") or rebuilt.get(name) == content:
            continue
        inside = name.removeprefix(f"{wheel.dist_info}/") if name.startswith(f"{wheel.dist_info}/") else None
        if inside is None:
            difference = _file_difference(name, content, files, rebuilt.get(name))
        elif again is not None:
            difference = _rebuilt_metadata(name, content, rebuilt.get(name))
        else:
            difference = _source_metadata(name, inside, content, files, added)
        if difference is not None:
            return difference
    if again is None and files.whole:
        return first_absent(wheel, files.packages(top_levels(wheel.entries, wheel.dist_info)))
    absent = sorted(rebuilt.keys() - wheel.entries.keys())
    return Difference(absent[0], "missing", "the sources make it, and it is not in the wheel") if absent else None


def _file_difference(name: str, content: bytes, files: SourceFiles, rebuilt: bytes | None) -> Difference | None:
    source = files.likeliest(name)
    if source == content:
        return None
    if rebuilt is not None:
        return content_difference(name, content, rebuilt, _BUILT_AGAIN)
    if source is not None:
        return content_difference(name, content, source, _SIDES)
    return Difference(name, "added", "it is not in the sources")


def _rebuilt_metadata(name: str, content: bytes, rebuilt: bytes | None) -> Difference | None:
    if rebuilt is None:
        return Difference(name, "added", "the sources do not make it")
    headers = name.endswith(("/WHEEL", "/METADATA"))
    same = headers and _statements(content) == _statements(rebuilt)
    return None if same else content_difference(name, content, rebuilt, _BUILT_AGAIN)


def _statements(metadata: bytes) -> tuple[list[tuple[str, str]], str]:
    """Return what METADATA or WHEEL state, without what only tells which version of a tool wrote them."""
    message = Parser().parsestr(metadata.decode("utf-8", "replace"))
    told = sorted((key, value) for key, value in message.items() if key not in ("Metadata-Version", "Generator"))
    return told, str(message.get_payload()).strip()


def _source_metadata(
    name: str, inside: str, content: bytes, files: SourceFiles, added: Mapping[str, bytes]
) -> Difference | None:
    if inside in added:
        same = content == added[inside]
        return None if same else content_difference(name, content, added[inside], _SIDES)
    if inside == "METADATA":
        return _table_difference(name, project_table(content.decode("utf-8", "replace")), files.table)
    if inside == "entry_points.txt":
        return _registered_difference(name, content, files.table)
    if inside in _WRITTEN_BY_BACKENDS or content in files.candidates(name):
        return None
    return Difference(name, "added", "it is not in the sources")


def _table_difference(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Difference | None:
    """Compare what decides: name, version, dependencies, Python; what the sources leave to the build is not known."""
    dynamic = theirs.get("dynamic", ())
    for key, read in (
        ("name", canonicalize_name),
        ("version", str),
        ("requires-python", lambda value: str(value).replace(" ", "")),
        ("dependencies", _requirements),
    ):
        if key in dynamic:
            continue
        empty: Any = [] if key == "dependencies" else ""
        said, stated = read(ours.get(key) or empty), read(theirs.get(key) or empty)
        if said != stated:
            return Difference(name, "content", f"{key} is {said!r} in the wheel and {stated!r} in the sources")
    return None


def _registered_difference(name: str, content: bytes, table: Mapping[str, Any]) -> Difference | None:
    """Compare what is registered for other programs; tables that the build computes cannot be compared."""
    said = entry_point_tables(content)
    for key in ("scripts", "gui-scripts", "entry-points"):
        stated = table.get(key, {})
        if key not in table.get("dynamic", ()) and said.get(key, {}) != stated:
            return Difference(name, "content", f"{key} is {said.get(key, {})} in the wheel and {stated} in the sources")
    return None


def _requirements(lines: list[str]) -> list[str]:
    try:
        return sorted(str(Requirement(line)) for line in lines)
    except InvalidRequirement:
        return sorted(lines)


def _unlike(path: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    pairs = zip(reversed(path), reversed(wanted), strict=False)
    return -next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(path), len(wanted)))
