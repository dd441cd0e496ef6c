"""Which projects a command line means: folders and wheels by themselves, other files by the project they lie in.

A pre-commit hook hands over the files of a commit; what is checked is always a whole plugin, because a permission is
declared in one file and used in another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project.model import PYPROJECT


def find_targets(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the folders and wheels to check, each once, in the order they were named; no path is this folder.

    Raises ConfigurationProblem for a path that is not there, or a file that no project holds.
    """
    targets: dict[Path, Path] = {}
    for path in paths or (Path(),):
        found = _target(path)
        targets.setdefault(found.resolve(), found)
    return tuple(targets.values())


def _target(path: Path) -> Path:
    if path.suffix == ".whl" or path.is_dir():
        return path
    if not path.exists() and not _is_deleted(path):
        raise ConfigurationProblem(f"no such file or folder: {path}", help="give the plugin's folder or a .whl file")
    project = next(_projects_above(path), None)
    if project is None:
        raise ConfigurationProblem(
            f"{path} is neither a folder nor a wheel, and no folder above it has a {PYPROJECT}",
            help="give the plugin's folder, a file of a plugin project, or a file ending in .whl",
        )
    return project


def _is_deleted(path: Path) -> bool:
    """Whether a path may be a file that a commit removed: it is gone, and what it lay in is a project."""
    return path.suffix in {".py", ".toml"} and path.parent.is_dir() and any(_projects_above(path))


def _projects_above(path: Path) -> Iterator[Path]:
    absolute = path.absolute()
    for depth, folder in enumerate(absolute.parents):
        if (folder / PYPROJECT).is_file():
            # as the user would write it: relative to where they stand
            yield path.parents[depth] if depth < len(path.parents) else folder
