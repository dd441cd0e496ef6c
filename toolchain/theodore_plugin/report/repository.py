"""Where a project lies: findings name files from the project's folder, code hosts and people from elsewhere.

For code hosts it is the repository's root, which is what the CI system says (``GITHUB_WORKSPACE``, ``CI_PROJECT_DIR``),
else the folder the command was started in; for people, whose editors open what they click on, always the latter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from theodore_plugin.report.model import Report

VARIABLES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""In which GitHub and GitLab name the folder of the checked out repository."""


def in_repository(report: Report) -> Callable[[str], str]:
    """Return what turns a path of a finding into one that starts at the repository's root, POSIX style.

    Paths stay as they are where the project is a wheel or lies outside the repository.
    """
    return _below(report.place, _root())


def from_here(report: Report) -> Callable[[str], str]:
    """Return what turns a path of a finding into one that starts where the command was started."""
    return _below(report.place, Path())


def _below(place: Path | None, root: Path) -> Callable[[str], str]:
    prefix = _prefix(place, root)
    return lambda path: f"{prefix}{path}"


def _prefix(place: Path | None, root: Path) -> str:
    if place is None:
        return ""
    within = Path(os.path.relpath(place.resolve(), root.resolve()))
    return "" if within.parts[:1] in {(), ("..",)} else f"{within.as_posix()}/"


def _root() -> Path:
    named = (os.environ.get(variable) for variable in VARIABLES)
    return Path(next((value for value in named if value), "."))
