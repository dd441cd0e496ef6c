"""Folders with Python code: a project, a plain source folder, a package by itself, or where an editable one lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from theodore_loader.errors import LoaderError
from theodore_plugin.distributions.metadata import Metadata
from theodore_plugin.distributions.model import (
    HOOK_SUFFIX,
    NATIVE_SUFFIXES,
    Distribution,
    Input,
    Unreadable,
    normalised,
)
from theodore_plugin.project import PluginProject, SourceFile, UnreadableFile
from theodore_plugin.project.model import PYPROJECT
from theodore_plugin.project.tree import open_package, open_tree

NO_VERSION = "0"
"""Of a folder that states none."""


@dataclass(frozen=True, slots=True)
class InMemory:
    """Members that have been read already."""

    members: Mapping[str, bytes]

    def read(self, path: str) -> bytes:
        """Return the content of a member. Raises :class:`Unreadable`."""
        try:
            return self.members[path]
        except KeyError:
            raise Unreadable("is not there") from None


def open_folder(path: Path) -> PluginProject:
    """Read a project, a folder of packages and modules, or a folder that is a package itself.

    Raises ConfigurationProblem or NothingToDo.
    """
    if (path / "__init__.py").is_file() and not (path / PYPROJECT).exists():
        name = path.resolve().name
        return open_package(path, name if name.isidentifier() else "package")
    return open_tree(path)


def folder_distribution(path: Path) -> Distribution:
    """Read a folder as a distribution. Raises ConfigurationProblem or NothingToDo."""
    return of_project(open_folder(path))


def of_project(project: PluginProject) -> Distribution:
    """View a project that was read as a distribution."""
    stated = project.table.get("dependencies", ())
    lines = tuple(line for line in stated if isinstance(line, str)) if isinstance(stated, (list, tuple)) else ()
    metadata = Metadata(normalised(project.name or project.label), project.version or NO_VERSION, lines)
    root = project.root.absolute()
    inputs = (("tree" if root.is_dir() else "file", str(root)),)
    return _assembled(metadata, project.files, project.unreadable, project.members, inputs)


def editable_distribution(
    metadata: Metadata,
    folders: Iterable[tuple[Path, str]],
    gaps: tuple[UnreadableFile, ...],
    inputs: tuple[Input, ...],
) -> Distribution:
    """Read an editable installation where its sources lie; ``folders`` as of :mod:`.editable`."""
    files: dict[str, SourceFile] = {}
    members: list[str] = []
    missing = list(gaps)
    for folder, package in folders:
        try:
            project = open_package(folder, package) if package else open_tree(folder)
        except (LoaderError, OSError) as problem:
            missing.append(UnreadableFile(str(folder), str(problem)))
            continue
        for file in project.files:
            path = file.path if file.path not in files else f"{folder.name}/{file.path}"
            files[path] = replace(file, path=path)
        missing.extend(project.unreadable)
        members.extend(project.members)
    if not files and not missing:
        missing.append(UnreadableFile(f"{metadata.name}", "is installed as editable, and its sources were not found"))
    inputs = (*inputs, *(("tree", str(folder.absolute())) for folder, _ in folders))
    return _assembled(metadata, files.values(), tuple(missing), members, inputs)


def _assembled(
    metadata: Metadata,
    files: Iterable[SourceFile],
    gaps: tuple[UnreadableFile, ...],
    members: Iterable[str],
    inputs: tuple[Input, ...],
) -> Distribution:
    ordered = sorted(files, key=lambda file: file.path)
    members = sorted(members)
    return Distribution(
        metadata.name,
        metadata.version,
        _digest(ordered),
        {file.path: file.module for file in ordered},
        native=tuple(path for path in members if path.endswith(NATIVE_SUFFIXES)),
        requirements=metadata.requirements,
        startup_hooks=tuple(path for path in members if path.endswith(HOOK_SUFFIX)),
        gaps=gaps,
        inputs=inputs,
        contents=InMemory({file.path: file.data for file in ordered}),
    )


def _digest(files: Iterable[SourceFile]) -> str:
    state = hashlib.sha256()
    for file in files:
        state.update(f"{len(file.path)}:{file.path}:{file.digest}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()
