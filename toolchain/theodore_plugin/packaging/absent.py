"""Modules that a source has in a package and the wheel has not, where the wheel cannot be built again.

Backends put every module of a package into the wheel unless they are told otherwise. Whether they are told is in the
project's configuration; where that leaves anything out, or is a program (``setup.py``), what is absent says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from theodore_loader.artifact.contents import top_levels
from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.packaging.difference import Difference
from theodore_plugin.packaging.source_copy import source_paths

_BACKENDS = ("flit", "hatch", "maturin", "pdm", "poetry", "setuptools", "uv", "scikit-build", "meson-python")
_CHOOSING = ("exclude", "only", "force-include", "packages", "include", "modules", "module")
"""How the settings begin or end with which a backend is told what to take."""
_PROGRAMS = ("setup.py", "setup.cfg", "hatch_build.py", "MANIFEST.in")


def takes_everything(root: Path, pyproject: Mapping[str, Any]) -> bool:
    """Tell whether nothing in a project's configuration can keep a module of a package out of its wheel."""
    tool = pyproject.get("tool", {})
    tables = [tool.get(name) for name in _BACKENDS] if isinstance(tool, Mapping) else []
    told = any(_chooses(table) for table in tables if isinstance(table, Mapping))
    return not told and not any((root / name).exists() for name in _PROGRAMS)


def first_absent(wheel: Wheel, packages: Mapping[str, Path]) -> Difference | None:
    """Return the first module below one of ``packages`` (folder by top-level name) that is not in the wheel."""
    for top in sorted(top_levels(wheel.entries, wheel.dist_info) & packages.keys()):
        for name in sorted(_modules(packages[top], top)):
            if name not in wheel.entries:
                return Difference(name, "missing", "the sources have it in the package, and it is not in the wheel")
    return None


def _chooses(table: Mapping[str, Any]) -> bool:
    for key, value in table.items():
        if key.startswith(_CHOOSING) or key.endswith(_CHOOSING):
            return True
        if isinstance(value, Mapping) and _chooses(value):
            return True
    return False


def _modules(folder: Path, top: str) -> Iterator[str]:
    for path in source_paths(folder):
        if path.suffix == ".py":
            yield f"{top}/{path.relative_to(folder).as_posix()}"
