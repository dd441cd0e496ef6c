"""Whether a wheel is what its sources make: built again and compared by digest, or else compared file by file.

1. The sources are laid out: a folder, or a commit's objects. Nothing of them is run.
2. The wheel is built again in the sandbox, told the same time, and normalised with what packaging adds. One digest:
   the wheel is ``rebuilt``, and nothing more can be asked.
3. Otherwise (the backend cannot run, or other versions of it write other bytes) every file of the wheel has to be
   the rebuilt one, a file of the sources, or metadata that says the same, and no module of a package may be missing
   from it, unless the project is configured to leave some out: then it is ``compared``.
4. Anything else is ``different``, and the first such file is named.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from theodore_loader.artifact.archive import list_archive
from theodore_loader.artifact.limits import PLUGIN
from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import LoaderError, Refused
from theodore_loader.policy import load_policy
from theodore_plugin.packaging.additions import additions
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.difference import Difference, archive_difference
from theodore_plugin.packaging.dos_time import dos_moment, epoch_of
from theodore_plugin.packaging.facts import BuildFacts, BuildRequirement
from theodore_plugin.packaging.lock_format import canonical_lock
from theodore_plugin.packaging.normalise import normalise
from theodore_plugin.packaging.source_files import SourceFiles, first_unexplained
from theodore_plugin.packaging.sources import OpenedSource, Source, opened
from theodore_plugin.packaging.wheelhouse import Wheelhouse
from theodore_plugin.project import PluginProject

Kind = Literal["rebuilt", "compared", "different"]


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """How a wheel and its sources relate."""

    kind: Kind
    first_difference: Difference | None = None
    """What is different, with kind ``different``."""
    commit: str | None = None
    """Full object id of the commit that was read; ``None`` for a folder."""
    build: BuildFacts | None = None
    """What the wheel was built again with; ``None`` if that was not possible."""
    why_compared: str = ""
    """Why there is no equal digest, with the other kinds than ``rebuilt``."""
    lock_from_wheel: bool = False
    """Whether the sources hold no ``pylock.toml``, so that the wheel's own was taken as given."""

    def refuse(self) -> None:
        """Raise :class:`Refused` (``source-artifact-mismatch``) if the wheel is not what the sources make."""
        if self.first_difference is not None:
            where = f"commit {self.commit[:12]}" if self.commit else "the sources"
            raise Refused(
                "source-artifact-mismatch",
                f"the wheel is not what {where} make: {self.first_difference.message}",
                help="name the sources it was built from, or do not use the wheel",
            )


def match(wheel: Wheel, source: Source, *, requirements: Sequence[BuildRequirement] = ()) -> SourceMatch:
    """Compare ``wheel`` with what ``source`` makes.

    ``requirements`` are the build requirements that provenance states: with them the build is made with the same
    tools, otherwise with those the index offers today. Raises :class:`ConfigurationProblem` (and ``NothingToDo``) if
    the sources cannot be read; what a build does wrong is part of the answer.
    """
    with opened(source) as tree:
        project = PluginProject.open(tree.root)
        rebuild = _rebuild(project, wheel, tree, requirements)
        files = SourceFiles.of(project, tree.root)
        lock_from_wheel = wheel.lock is not None and project.lock is None
        if isinstance(rebuild, str):
            difference = first_unexplained(wheel, files, None, _added(project, wheel, tree))
            return _answer(difference, tree, None, rebuild, lock_from_wheel)
        again, facts = rebuild
        if again.data == wheel.data:
            return SourceMatch("rebuilt", None, tree.commit, facts, "", lock_from_wheel)
        difference = first_unexplained(wheel, files, again, {})
        return _answer(difference, tree, facts, _why(wheel, again), lock_from_wheel)


def _answer(
    difference: Difference | None,
    tree: OpenedSource,
    facts: BuildFacts | None,
    why: str,
    lock_from_wheel: bool,
) -> SourceMatch:
    kind: Kind = "compared" if difference is None else "different"
    return SourceMatch(kind, difference, tree.commit, facts, why, lock_from_wheel)


def _why(wheel: Wheel, again: Wheel) -> str:
    if wheel.entries == again.entries and (form := archive_difference(wheel.data, again.data)):
        return f"built again, the same files make another archive: {form.message}"
    return "built again, it has another digest"


def _rebuild(
    project: PluginProject, wheel: Wheel, tree: OpenedSource, requirements: Sequence[BuildRequirement]
) -> tuple[Wheel, BuildFacts] | str:
    """Build the wheel again, or say why that cannot be done."""
    epoch = _epoch(wheel, tree)
    try:
        with tempfile.TemporaryDirectory(prefix="theodore-rebuild-") as scratch:
            built = build_wheel(project, epoch=epoch, wheelhouse=Wheelhouse(Path(scratch).resolve(), requirements))
        added = _added(project, wheel, tree)
        return normalise(built.data, built.filename, added, epoch=epoch), built.facts
    except LoaderError as problem:
        return f"it cannot be built again: {problem.message}"


def _added(project: PluginProject, wheel: Wheel, tree: OpenedSource) -> dict[str, bytes]:
    """Return what packaging adds, made from the sources, as far as the wheel has it."""
    lock = canonical_lock(read_lock(project.lock)) if project.lock is not None else wheel.lock
    if lock is None:
        return {}
    made = additions(project, load_policy("default"), lock, epoch=_epoch(wheel, tree))
    return {name: content for name, content in made.items() if f"{wheel.dist_info}/{name}" in wheel.entries}


def _epoch(wheel: Wheel, tree: OpenedSource) -> int:
    """Return the time the wheel was built for: the sources' own where it can be that, else what its entries say."""
    stated = list_archive(wheel.data, PLUGIN)[0].moment
    return tree.epoch if dos_moment(tree.epoch) == stated else epoch_of(stated)
