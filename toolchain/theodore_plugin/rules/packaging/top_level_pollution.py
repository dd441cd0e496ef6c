"""Importable names at the top level besides the plugin's own package."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from theodore_loader.artifact.contents import HOST_PACKAGES
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.context import RuleContext, report

_BACKEND_PACKAGES = (
    ("hatch", "build", "targets", "wheel", "packages"),
    ("setuptools", "packages"),
    ("setuptools", "py-modules"),
)
"""Where build backends are told by name what to ship."""

RULE = Rule(
    name="top-level-pollution",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="More than one top-level package would be shipped, or one that hides another module.",
    why="A package called `tests` or `json` is imported instead of the one that others mean. Hosts refuse the wheel.",
    remedy="Ship one package, named like the plugin; keep tests, docs and tools out of the wheel.",
    bad=(
        Example("# file: src/demo/__init__.py\n# file: src/tests/__init__.py\n", "tests beside the package under src/"),
        Example("# file: src/json/__init__.py\nVALUE = 1\n", "a name of the standard library"),
    ),
    good=(
        Example("# file: tests/test_demo.py\nVALUE = 1\n", "tests beside the package, not under src/"),
        Example("# file: demo/json.py\nVALUE = 1\n", "inside the package any name will do"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Judge the top-level names that the build is known to ship."""
    project = context.project
    tops = _shipped(project)
    for name, path in tops.items():
        if name in sys.stdlib_module_names or name in HOST_PACKAGES:
            yield report(RULE, Location(path), f"{name} hides the module of that name of the standard library or host")
    if len(tops) > 1:
        own = _own(project, tops)
        for name, path in tops.items():
            if name != own:
                yield report(RULE, Location(path), f"{name} would be shipped at the top level beside {own}")


def _shipped(project: PluginProject) -> dict[str, str]:
    """Return top-level names with a file of each, as far as the project says what is shipped.

    Backends take everything under ``src/``. Beside a flat package they choose by rules of their own, so that only
    the package called like the distribution is certain.
    """
    tops: dict[str, str] = {}
    for file in project.files:
        parts = file.path.split("/")
        name = (parts[1:] if parts[0] == "src" else parts)[0].removesuffix(".py")
        tops.setdefault(name, file.path)
    named = _named(project)
    if named:
        return {name: path for name, path in tops.items() if name in named}
    if project.is_wheel or any(file.path.startswith("src/") for file in project.files):
        return tops
    return {name: path for name, path in tops.items() if name == _normal(project.name)}


def _named(project: PluginProject) -> frozenset[str]:
    """Return the packages that the build backend is told to take."""
    lists = [_at(project.pyproject.get("tool", {}), keys) for keys in _BACKEND_PACKAGES]
    names = [item for found in lists if isinstance(found, Sequence) for item in found if isinstance(item, str)]
    return frozenset(name.removeprefix("src/").replace("/", ".").split(".")[0] for name in names)


def _at(table: object, keys: Sequence[str]) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, Mapping) else None
    return table


def _own(project: PluginProject, tops: Mapping[str, str]) -> str:
    wanted = _normal(project.name)
    return wanted if wanted in tops else next(iter(tops))


def _normal(name: str | None) -> str:
    return canonicalize_name(name or "").replace("-", "_")
