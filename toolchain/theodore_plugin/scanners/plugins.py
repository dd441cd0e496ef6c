"""Scanners that other distributions bring, as entry points of the group ``theodore_plugin.scanners``.

They run inside this process, so they are loaded from nowhere but the environment this program is installed in: only
distributions in its ``site-packages`` are looked at, and while they are imported the working folder, which may be the
project under check, is not on the import path. One that cannot be loaded takes its place as a scanner that fails.
"""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import Any

from theodore_plugin.coverage import Coverage, State
from theodore_plugin.scanners.custom_definition import RESERVED
from theodore_plugin.scanners.hermetic import CleanTree
from theodore_plugin.scanners.scanner import Failure, ScanContext, Scanner, ScannerResult, failed

GROUP = "theodore_plugin.scanners"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LOCK = threading.Lock()


def plugin_scanners(folders: Sequence[str] | None = None) -> tuple[Scanner, ...]:
    """Return the scanners of installed distributions, by name; ``folders`` stand in for ``site-packages``."""
    if folders is None:
        return _installed()
    return _loaded_from(tuple(folders))


def brought_by(name: str) -> str:
    """Return the installed distribution that brings a scanner of this name, or an empty string; loads nothing."""
    found = distributions(path=list(site_packages()))
    return next((one.name for one in found if one.entry_points.select(group=GROUP, name=name)), "")


@cache
def _installed() -> tuple[Scanner, ...]:
    return _loaded_from(site_packages())


def site_packages() -> tuple[str, ...]:
    """Return the folders in which distributions are installed beside this program."""
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        found.append(site.getusersitepackages())
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in found if os.path.isdir(folder)))  # noqa: PTH112


def _loaded_from(folders: tuple[str, ...]) -> tuple[Scanner, ...]:
    entries: dict[str, list[tuple[EntryPoint, str]]] = {}
    for distribution in distributions(path=list(folders)):
        for entry in distribution.entry_points.select(group=GROUP):
            entries.setdefault(entry.name, []).append((entry, distribution.name))
    with _LOCK, _importing_from(folders):
        return tuple(_scanner(name, found) for name, found in sorted(entries.items()))


@contextmanager
def _importing_from(folders: Sequence[str]) -> Iterator[None]:
    """Take the working folder, and everything relative, off the import path."""
    before, here = list(sys.path), os.path.realpath(os.curdir)
    elsewhere = [entry for entry in before if os.path.isabs(entry) and os.path.realpath(entry) != here]  # noqa: PTH117
    sys.path[:] = [*(folder for folder in folders if folder not in elsewhere), *elsewhere]
    try:
        yield
    finally:
        sys.path[:] = before


def _scanner(name: str, found: Sequence[tuple[EntryPoint, str]]) -> Scanner:
    (entry, distribution), *others = found
    if others:
        names = ", ".join(sorted({distribution, *(one for _, one in others)}))
        return BrokenScanner(name, distribution, f"more than one scanner is called {name} (in {names})")
    try:
        return _checked(name, entry.load(), distribution)
    except (Exception, SystemExit) as problem:
        return BrokenScanner(name, distribution, f"{entry.value} cannot be loaded: {type(problem).__name__}: {problem}")


def _checked(name: str, loaded: Any, distribution: str) -> Scanner:
    scanner = loaded() if isinstance(loaded, type) else loaded
    problem = _problem(name, scanner)
    return BrokenScanner(name, distribution, problem) if problem else PluginScanner(name, distribution, scanner)


def _problem(name: str, scanner: Any) -> str:
    if name in RESERVED or not _NAME.fullmatch(name):
        return f"{name!r} is not a name a scanner can have: lower-case letters, digits and hyphens, not a built-in one"
    if getattr(scanner, "name", None) != name:
        return f"it calls itself {getattr(scanner, 'name', None)!r}, and its entry point {name!r}"
    missing = [method for method in ("given", "run") if not callable(getattr(scanner, method, None))]
    return f"it has no {' and no '.join(missing)}" if missing else ""


@dataclass(frozen=True)
class PluginScanner:
    """A scanner of another distribution, held to what a scanner may say."""

    name: str
    brought_by: str
    """The distribution whose entry point it is."""
    inner: Any

    @property
    def distribution(self) -> str:
        """What it says provides its tool, else what brings it."""
        return str(getattr(self.inner, "distribution", "") or self.brought_by)

    @property
    def per_file(self) -> bool:
        """What it says; by itself it is not."""
        return bool(getattr(self.inner, "per_file", False))

    @property
    def ttl_seconds(self) -> float | None:
        """What it says, if it says anything."""
        value = getattr(self.inner, "ttl_seconds", None)
        return float(value) if isinstance(value, int | float) else None

    def fingerprint(self, context: ScanContext) -> str | None:
        """Return what it says; one that does not say what it depends on is asked every time."""
        method = getattr(self.inner, "fingerprint", None)
        value = method(context) if callable(method) else None
        return f"{self.brought_by} {value}" if isinstance(value, str) else None

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Return what it accounts for."""
        return tuple(str(name) for name in self.inner.given(context))

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Run it. Raises TypeError or ValueError for what is no result of this scanner."""
        result = self.inner.run(tree, context)
        if not isinstance(result, ScannerResult):
            raise TypeError(f"it returned {type(result).__name__}, not a ScannerResult")
        for finding in result.findings:
            if finding.source != self.name or not finding.rule.startswith(f"{self.name}/"):
                raise ValueError(f"it reports {finding.rule!r} of {finding.source!r}; its own are {self.name}/ID")
        return result


@dataclass(frozen=True)
class BrokenScanner:
    """The place of a scanner that is installed and cannot be used."""

    name: str
    brought_by: str
    reason: str
    per_file = False
    ttl_seconds: float | None = None
    distribution = ""

    def fingerprint(self, context: ScanContext) -> str | None:
        """Nothing is kept."""
        return None

    def given(self, context: ScanContext) -> tuple[str, ...]:
        """Return the project's Python files, as for most scanners: what it would have wanted is not known."""
        return tuple(file.path for file in context.project.files)

    def run(self, tree: CleanTree, context: ScanContext) -> ScannerResult:
        """Fail, saying why."""
        help_ = f"mend or remove the distribution {self.brought_by}: python -m pip uninstall {self.brought_by}"
        failure = Failure(f"the scanner {self.name} of {self.brought_by} is broken: {self.reason}", help_)
        if not context.settings.policy.scanner(self.name).enabled:
            coverage = Coverage.uniform(self.name, self.given(context), State.SKIPPED, failure.reason)
            return ScannerResult((), coverage, skipped=True, detail=failure.reason)
        return failed(self.name, self.given(context), failure)
