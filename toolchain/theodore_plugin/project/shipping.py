"""Which files of a source tree would be shipped, by their names alone, and under which name they are imported.

A file inside a package root is always taken, whatever its name, because build backends ship it too; only top-level
folders that no backend ships by default are left out, and each is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from theodore_plugin.project.model import LOCK_NAME, PKG_INFO, PYPROJECT, SkippedFile

NEVER_SHIPPED = {
    ".git": "version control",
    ".hg": "version control",
    ".svn": "version control",
    ".tox": "virtual environments",
    ".nox": "virtual environments",
    ".venv": "virtual environment",
    "venv": "virtual environment",
    "env": "virtual environment",
    "node_modules": "third-party packages",
    "__pycache__": "bytecode cache",
    ".mypy_cache": "tool cache",
    ".ruff_cache": "tool cache",
    ".pytest_cache": "tool cache",
    ".eggs": "build artefact",
    ".idea": "editor folder",
    ".vscode": "editor folder",
}
"""Folders skipped wherever they lie, except where they would be shipped and could be imported."""
NOT_A_PACKAGE = {
    "tests": "tests are not part of the wheel",
    "test": "tests are not part of the wheel",
    "testing": "tests are not part of the wheel",
    "docs": "documentation",
    "doc": "documentation",
    "examples": "examples are not part of the wheel",
    "scripts": "developer scripts are not part of the wheel",
    "tools": "developer scripts are not part of the wheel",
    "benchmarks": "benchmarks are not part of the wheel",
    "build": "build artefact",
    "dist": "build artefact",
}
"""Top-level folders skipped beside packages."""
NOT_A_MODULE = frozenset(
    {"setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "dodo.py", "manage.py", "versioneer.py"}
)
"""Top-level files that belong to developer tools, not to the distribution."""


def module_name(path: str, *, src_layout: bool = False) -> str | None:
    """Return the import name of a Python file, or ``None`` if no import statement can reach it."""
    parts = path.removesuffix(".py").split("/")
    if src_layout and parts[0] == "src":
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def configuration(files: Iterable[str]) -> set[str]:
    """Return the files that decide how the others are built and checked."""
    return {path for path in files if path in {PYPROJECT, PKG_INFO, LOCK_NAME, "setup.cfg", "tox.ini"}}


def select_shipped(files: Iterable[str], skipped: list[SkippedFile]) -> list[str]:
    """Keep the files a build backend would take; record the Python files left out (once each)."""
    everything = list(files)
    src_layout = has_src(everything)
    seen = {item.path for item in skipped}
    shipped = []
    for path in everything:
        reason = _left_out(path, src_layout)
        if reason is None:
            shipped.append(path)
        elif path.endswith(".py") and path not in seen:
            skipped.append(SkippedFile(path, reason))
    return shipped


def would_ship(links: Iterable[str], files: Iterable[str]) -> list[str]:
    """Return the links that builders would follow beside ``files``: what is shipped, and what decides about it."""
    outside, src_layout = list(links), has_src(files)
    shipped = [path for path in outside if _left_out(path, src_layout) is None]
    return [*shipped, *sorted(configuration(outside))]


def has_src(files: Iterable[str]) -> bool:
    """Tell whether the packages lie below ``src``, and nowhere else."""
    return any(path.startswith("src/") and path.endswith(".py") for path in files)


def _left_out(path: str, src_layout: bool) -> str | None:
    top, _, rest = path.partition("/")
    if src_layout:
        return None if top == "src" and rest else "outside src/"
    if not rest:
        return None if path.endswith((".py", ".pth")) and path not in NOT_A_MODULE else "developer file"
    if not top.isidentifier():
        return "not an importable folder"
    return NOT_A_PACKAGE.get(top)


def package_roots(shipped: Iterable[str]) -> tuple[str, ...]:
    """Return the folders and files that are importable by themselves."""
    roots: dict[str, None] = {}
    for path in shipped:
        parts = path.split("/")
        depth = 2 if parts[0] == "src" and len(parts) > 1 else 1
        roots["/".join(parts[:depth])] = None
    return tuple(roots)
