"""Decide what a path is: a source tree, a wheel, or neither."""

from __future__ import annotations

from pathlib import Path

from theodore_loader.errors import ConfigurationProblem, NothingToDo
from theodore_plugin.project.model import PYPROJECT, PluginProject

MAX_WHEEL_BYTES = 256 * 1024 * 1024


def open_project(path: Path) -> PluginProject:
    """Read ``path``; see :meth:`PluginProject.open` for what is raised."""
    if not path.exists():
        raise ConfigurationProblem(f"no such file or folder: {path}", help="give the plugin's folder or a .whl file")
    project = _open_folder(path) if path.is_dir() else _open_file(path)
    if not project.is_wheel and not project.files and not project.unreadable:
        raise NothingToDo(
            f"{path} holds no Python package to check",
            help="point at a folder with src/<package>/ or <package>/, or create one: "
            "theodore-plugin new NAME --category scraper",
        )
    return project


def _open_folder(path: Path) -> PluginProject:
    from theodore_plugin.project.tree import open_package, open_tree

    if (path / "__init__.py").is_file() and not (path / PYPROJECT).exists():
        name = path.resolve().name  # a package by itself, as it lies in site-packages
        return open_package(path, name if name.isidentifier() else "package")
    return open_tree(path)


def _open_file(path: Path) -> PluginProject:
    if path.suffix != ".whl" or not path.is_file():  # a pipe named x.whl would be waited for without end
        raise ConfigurationProblem(
            f"{path} is neither a folder nor a wheel", help="give the plugin's folder or a file ending in .whl"
        )
    from theodore_plugin.project.wheel import open_oversized_wheel, open_wheel

    try:
        size = path.stat().st_size
        if size > MAX_WHEEL_BYTES:
            return open_oversized_wheel(path, size, MAX_WHEEL_BYTES)
        return open_wheel(path, path.read_bytes())
    except OSError as error:
        raise ConfigurationProblem(
            f"cannot read {path}: {error.strerror}", help="check the file's permissions"
        ) from error
