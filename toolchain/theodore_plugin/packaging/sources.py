"""Where a wheel is said to come from: a folder, or a commit of a repository, laid out for reading and building."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.packaging.epoch import EARLIEST, LATEST, source_date_epoch
from theodore_plugin.packaging.git_objects import Repository


@dataclass(frozen=True, slots=True)
class GitRef:
    """A branch, tag or commit of the repository that ``folder`` lies in; only what is below ``folder`` counts."""

    folder: Path
    ref: str


Source = Path | GitRef


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """Sources as a folder. ``commit`` is the full object id, for refs only; ``epoch`` the time a build is told."""

    root: Path
    commit: str | None
    epoch: int


def parse_source(text: str, at: Path = Path()) -> Source:
    """Read what a user gives: a folder, ``FOLDER@REF``, or ``REF`` of the repository that ``at`` lies in.

    Raises :class:`ConfigurationProblem` for what can be none of them.
    """
    if "\0" in text or not text:
        raise ConfigurationProblem(f"{text!r} is no source", help="give a folder, a git ref, or FOLDER@REF")
    if Path(text).is_dir():
        return Path(text)
    at_signs = (index for index, char in enumerate(text) if char == "@" and index)
    split = next((index for index in at_signs if Path(text[:index]).is_dir()), None)
    return GitRef(at, text) if split is None else GitRef(Path(text[:split]), text[split + 1 :])


@contextmanager
def opened(source: Source) -> Iterator[OpenedSource]:
    """Lay the sources out; a commit's files are there for the duration of the block."""
    if isinstance(source, Path):
        yield OpenedSource(source, None, source_date_epoch(source))
        return
    repository = Repository(source.folder)
    commit = repository.commit(source.ref)
    with tempfile.TemporaryDirectory(prefix="theodore-source-") as folder:
        # Named as a checkout would be, because some tools call things after their folder.
        root = Path(folder).resolve() / (source.folder.resolve().name or "source")
        repository.export(commit, root)
        yield OpenedSource(root, commit.id, max(EARLIEST, min(LATEST, commit.epoch)))
