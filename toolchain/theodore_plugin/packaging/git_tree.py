"""Which commit a project's tree is: its files are hashed as git does and held against the commit's.

``git status`` is not asked: it starts filters and monitors that the repository's own configuration names.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.origin import repository
from theodore_plugin.packaging.git_objects import Repository, object_id
from theodore_plugin.packaging.source_copy import copy_sources


@dataclass(frozen=True, slots=True)
class GitTree:
    """Where a tree comes from: its repository (one spelling, no credentials) and the commit it is, or was changed from.

    ``changed`` names the first file that differs from the commit or is on one side only; ``None``: the tree is clean.
    """

    repository: str | None
    commit: str
    changed: str | None


def read_git(root: Path) -> GitTree | None:
    """Return which commit the project at ``root`` is, or ``None`` if that cannot be said.

    It cannot where there is no git, no repository or no commit. Compared are the files a build is made from: what
    :func:`copy_sources` leaves behind may differ. Raises as that does.
    """
    files = _built_from(root)
    try:
        store = Repository(root)
        commit = store.commit("HEAD")
        committed = dict(store.listed(commit))
    except (ConfigurationProblem, FileNotFoundError):
        return None
    return GitTree(repository(store.remote()), commit.id, _first_change(root, committed, files))


def tree_at(folder: Path, ref: str) -> GitTree:
    """Return the tree a branch, tag or commit of a repository is; raises ConfigurationProblem if there is none."""
    store = Repository(folder)
    return GitTree(repository(store.remote()), store.commit(ref).id, None)


def _built_from(root: Path) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="theodore-tree-") as folder:
        copy = Path(folder) / "source"
        copy_sources(root, copy)
        files = (path for path in copy.rglob("*") if path.is_file())
        return {path.relative_to(copy).as_posix(): path.read_bytes() for path in files}


def _first_change(root: Path, committed: Mapping[str, str], files: Mapping[str, bytes]) -> str | None:
    for path, content in sorted(files.items()):
        known = committed.get(path)
        if known is None or known != object_id("blob", content, len(known)):
            return path
    return next((path for path in sorted(committed) if not os.path.lexists(root / path)), None)
