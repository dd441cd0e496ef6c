"""mypy's cache of the SDK, made once in a run of the tests and given to state folders that tests throw away.

A first check in a new state folder spends two thirds of its processor time on what mypy thinks of the SDK; a user's
third check does so for good (docs/decisions/0013). The first checks of all have tests of their own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from theodore_loader.policy import Policy
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.mypy import FLAGS, MypyScanner
from theodore_plugin.scanners.mypy_cache import MypyCache, cache_of
from theodore_plugin.scanners.mypy_copy import sdk_digest
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Settings


@dataclass(frozen=True, slots=True)
class MypyBase:
    """What mypy learned of the SDK, and a project that stands for any."""

    project: PluginProject
    databases: bytes

    def give(self, home: Path) -> None:
        """Put it into the cache of this state folder."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("THEODORE_PLUGIN_HOME", os.fspath(home))
            _cache(self.project).keep_base(self.databases)


def mypy_base(folder: Path) -> MypyBase:
    """Return it from ``folder``, which the processes of a parallel run share; the first of them makes it."""
    with FileLock(folder / "mypy-base.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("THEODORE_PLUGIN_HOME", os.fspath(folder / "mypy-base-home"))
        projects = [_project(folder / f"mypy-base-{number}") for number in range(3)]
        cache = _cache(projects[0])
        return MypyBase(projects[0], cache.store.get(cache.base) or _made(projects, cache))


def _project(root: Path) -> PluginProject:
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1.0"\n')
    (root / "demo.py").write_text("")
    return PluginProject.open(root)


def _made(projects: list[PluginProject], cache: MypyCache) -> bytes:
    """Check one after another: the third check makes it."""
    settings = Settings(policy=Policy("patient"))
    for project in projects:
        with clean_tree(project) as tree:
            assert not MypyScanner().run(tree, ScanContext(project, settings, 600.0)).failures
    made = cache.store.get(cache.base)
    assert made
    return made


def _cache(project: PluginProject) -> MypyCache:
    cache = cache_of(project, (sdk_digest(), *FLAGS), "")
    assert cache is not None
    return cache
