"""Which commit a project's tree is, read without running anything of the repository.

``git status`` starts filters and monitors that a repository's own configuration names. Whoever wrote the plugin wrote
that configuration too, so only objects are listed here, and files are hashed as git does (``blob``, size, NUL, bytes).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.trust.origin import repository
from theodore_loader.trust.provenance import COMMIT
from theodore_plugin.packaging.source_copy import copy_sources

_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_SECONDS = 30


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

    It cannot where there is no git, no repository or no commit, or git refuses a repository of another user. Compared
    are the files a build is made from: what :func:`copy_sources` leaves behind may differ. Raises as that does.
    """
    commit = _ask(root, "rev-parse", "--verify", "HEAD^{commit}").strip()
    if not COMMIT.fullmatch(commit):
        return None
    remote = _ask(root, "config", "--get", "remote.origin.url").strip()
    return GitTree(repository(remote), commit, _first_change(root, _committed(root, commit), _built_from(root)))


def _built_from(root: Path) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="theodore-tree-") as folder:
        copy = Path(folder) / "source"
        copy_sources(root, copy)
        files = (path for path in copy.rglob("*") if path.is_file())
        return {path.relative_to(copy).as_posix(): path.read_bytes() for path in files}


def _committed(root: Path, commit: str) -> dict[str, str]:
    """Return path below ``root`` → object id of every file of the commit."""
    entries = _ask(root, "ls-tree", "-r", "-z", commit).split("\0")
    listed = (entry.partition("\t") for entry in entries if entry)
    return {path: described.split()[2] for described, _, path in listed}


def _first_change(root: Path, committed: Mapping[str, str], files: Mapping[str, bytes]) -> str | None:
    for path, content in sorted(files.items()):
        known = committed.get(path)
        if known is None or known != _object_id(content, len(known)):
            return path
    return next((path for path in sorted(committed) if not os.path.lexists(root / path)), None)


def _object_id(content: bytes, digits: int) -> str:
    algorithm = hashlib.sha256 if digits == 64 else hashlib.sha1
    return algorithm(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _ask(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [*_GIT, "-C", str(root), *arguments], capture_output=True, timeout=_SECONDS, check=False,
            env={**os.environ, **_ENVIRONMENT},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""
