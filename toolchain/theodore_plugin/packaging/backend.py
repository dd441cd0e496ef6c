"""Which build backends run, and on what terms.

A backend executes code to build: its own, and through some settings the project's. Only backends that build from
declarations are run, and their settings made for running project code are refused, because a plugin's author is not
always the person who packages it. What still finds a way to run (a version computed from an attribute) is held by
the sandbox of :mod:`.build_environment`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from theodore_loader.errors import ConfigurationProblem

BACKENDS: Mapping[str, tuple[str, ...]] = {
    "hatchling.build": (),
    "flit_core.buildapi": (),
    "setuptools.build_meta": (),
    "uv_build": ("uv-build",),
    "poetry.core.masonry.api": (),
}
"""The backends that are run, and which programs of their own distribution each must start."""
_USE = '[build-system] requires = ["hatchling"] and build-backend = "hatchling.build"'

# Settings through which a declarative backend would run code of the project.
_EXECUTING_SETTINGS = (
    ("tool", "hatch", "build", "hooks", "custom"),
    ("tool", "hatch", "build", "targets", "wheel", "hooks", "custom"),
    ("tool", "hatch", "metadata", "hooks", "custom"),
    ("tool", "setuptools", "cmdclass"),
    ("tool", "setuptools", "ext-modules"),
    ("tool", "poetry", "build"),
)


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend that may run: its import name, what must be installed for it, and the programs it starts."""

    name: str
    requires: tuple[str, ...]
    programs: tuple[str, ...] = ()


def read_backend(pyproject: Mapping[str, Any], root: Path) -> Backend:
    """Return the project's backend, or raise :class:`ConfigurationProblem` naming why it is not run.

    ``pyproject`` is the document as the project's reader accepts it (:mod:`theodore_plugin.project.pyproject_types`).
    """
    table = pyproject.get("build-system", {})
    if "build-backend" not in table:
        raise ConfigurationProblem("pyproject.toml names no build backend", help=f"add {_USE}")
    if "backend-path" in table:
        raise _refused("[build-system] backend-path makes the project its own build backend")
    name = table["build-backend"]
    if name not in BACKENDS:
        raise _refused(f"the build backend {name!r} is not one of {', '.join(BACKENDS)}")
    _check_settings(pyproject, name, root)
    return Backend(name, _requirements(table.get("requires", [])), BACKENDS[name])


def _check_settings(pyproject: Mapping[str, Any], name: str, root: Path) -> None:
    if name == "setuptools.build_meta" and (root / "setup.py").exists():
        raise _refused("setup.py is a program that setuptools would run")
    for path in _EXECUTING_SETTINGS:
        if _present(pyproject, path):
            raise _refused(f"[{'.'.join(path)}] makes the build run code of the project")


def _present(table: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(table, Mapping) or key not in table:
            return False
        table = table[key]
    return True


def _requirements(listed: Iterable[str]) -> tuple[str, ...]:
    try:
        parsed = [Requirement(line) for line in listed]
    except InvalidRequirement as defect:
        raise ConfigurationProblem(f"[build-system] requires cannot be read: {defect}", help=f"write {_USE}") from None
    if direct := [str(requirement) for requirement in parsed if requirement.url]:
        raise _refused(f"[build-system] requires names a place instead of a version: {direct[0]}")
    return tuple(map(str, parsed))


def _refused(message: str) -> ConfigurationProblem:
    return ConfigurationProblem(message, help=f"build from declarations only: {_USE}")
