"""What is surveyed, by what a user types: a path, or the name of a distribution.

1. a path that exists: a folder, a ``.whl``, a source archive, a single ``.py`` file;
2. otherwise a name, optionally ``NAME==VERSION``: what is installed in the environment;
3. otherwise, unless downloads are off, the wheel an index has of that name (:mod:`.fetch`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem, NothingToDo
from theodore_plugin.distributions import Distribution, Environment
from theodore_plugin.distributions.folder import of_project, open_folder
from theodore_plugin.distributions.model import SDIST_SUFFIXES, Input
from theodore_plugin.project import PluginProject, SkippedFile, SourceFile, UnreadableFile
from theodore_plugin.survey.model import Kind, Surveyed

_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==([A-Za-z0-9.!+_-]+))?")
_HELP = "give a project folder, a .whl, a .tar.gz, or the name of a distribution: requests, requests==2.32.0"


@dataclass(frozen=True, slots=True)
class Subject:
    """A package that was found and read."""

    package: Surveyed
    distribution: Distribution
    files: tuple[SourceFile, ...]
    unreadable: tuple[UnreadableFile, ...]
    skipped: tuple[SkippedFile, ...] = ()
    inputs: tuple[Input, ...] | None = ()
    """What must be unchanged for the same target to be the same package; ``None`` if only an index could say."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where distributions are looked for by name."""

    environment: Environment
    download: bool = True
    say: Callable[[str], None] = lambda _: None
    """Told what is fetched; that takes time and goes to the network."""


def find(target: str, where: Where) -> Subject:
    """Find and read what ``target`` names.

    Raises ConfigurationProblem (no such thing), NothingToDo (no Python code in it) or InvalidWheel.
    """
    path = Path(target)
    if target and path.exists():
        return _checked(_from_path(path), target)
    named = _NAME.fullmatch(target)
    if named is None or target.endswith((".whl", *SDIST_SUFFIXES)):
        raise ConfigurationProblem(f"no such file or folder: {target}", help=_HELP)
    found = _checked(_from_name(named[1], named[2], where), target)
    # were there a path of that name, it would be that path
    inputs = None if found.inputs is None else (*found.inputs, ("file", str(path.absolute())))
    return replace(found, inputs=inputs)


def _from_path(path: Path) -> Subject:
    if path.is_dir():
        project = open_folder(path)
        return _read(of_project(project), Kind.SOURCE, project.label, project)
    if path.suffix == ".whl":
        return _wheel(path)
    if path.name.endswith(SDIST_SUFFIXES):
        from theodore_plugin.distributions.archive import sdist_distribution

        return _read(sdist_distribution(path), Kind.ARCHIVE, path.name)
    if path.suffix == ".py":
        return _single(path)
    raise ConfigurationProblem(f"{path} is neither a folder, a wheel, a source archive nor Python code", help=_HELP)


def _wheel(path: Path) -> Subject:
    from theodore_plugin.distributions.archive import wheel_distribution

    return _read(wheel_distribution(path), Kind.WHEEL, path.name)


def _single(path: Path) -> Subject:
    from theodore_plugin.distributions.installed import MAX_FILE_BYTES
    from theodore_plugin.distributions.model import Unreadable
    from theodore_plugin.distributions.reading import read_regular

    try:
        data = read_regular(path, MAX_FILE_BYTES)
    except Unreadable as problem:
        raise ConfigurationProblem(f"{path} {problem}", help=_HELP) from None
    project = PluginProject(root=path, label=path.name, files=(SourceFile.of(path.name, _stem(path), data),))
    return _read(of_project(project), Kind.SOURCE, path.name, project)


def _stem(path: Path) -> str | None:
    return path.stem if path.stem.isidentifier() else None


def _from_name(name: str, version: str | None, where: Where) -> Subject:
    installed = where.environment.distribution(name)
    if installed is not None and (version is None or _same_version(version, installed.version)):
        found = _read(installed, Kind.INSTALLED, f"{installed.name}-{installed.version}")
        return replace(found, inputs=(*installed.inputs, *where.environment.held_by(installed)))
    wanted = name if version is None else f"{name}=={version}"
    if not where.download:
        there = f" (installed is {installed.version})" if installed else ""
        raise ConfigurationProblem(
            f"{wanted} is neither a path nor installed here{there}",
            help="install it, choose another environment with --environment, or leave out --no-download",
        )
    from theodore_plugin.survey.fetch import fetch_wheel

    wheel = fetch_wheel(wanted, where.say)
    found = _wheel(wheel)
    return replace(found, inputs=found.inputs if version is not None else None)


def _same_version(wanted: str, installed: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(wanted) == Version(installed)
    except InvalidVersion:
        return wanted == installed


def _read(distribution: Distribution, kind: Kind, path: str, project: PluginProject | None = None) -> Subject:
    package = Surveyed(distribution.name, distribution.version, kind, path, distribution.digest)
    if project is None:
        return Subject(package, distribution, *distribution.read(), inputs=distribution.inputs)
    return Subject(package, distribution, project.files, project.unreadable, project.skipped, distribution.inputs)


def _checked(subject: Subject, target: str) -> Subject:
    if subject.files or subject.unreadable:
        return subject
    what = "machine code only" if subject.distribution.native else "no Python code"
    raise NothingToDo(f"{target} holds {what}", help="there is nothing that could be read; `native` is what it needs")
