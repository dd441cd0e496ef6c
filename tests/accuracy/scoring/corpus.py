"""The real packages: which, where they are kept, and how they get there. Nothing of theirs is in the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
LABELS = HERE / "labels"


class NotFetched(Exception):
    """The corpus is not in the cache; ``python tests/accuracy fetch`` puts it there."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package under test."""

    name: str
    wheel: str
    root: str
    """Top-level folder or module that the wheel installs."""
    smoke: str

    @property
    def path(self) -> Path:
        """The wheel in the cache. Raises NotFetched."""
        return cached(self.wheel)

    @property
    def script(self) -> Path:
        """The script that drives the package."""
        return HERE / "smoke" / self.smoke


def packages() -> tuple[Package, ...]:
    """Every package whose behaviour is recorded, in the order of the file."""
    tables = tomllib.loads((HERE / "packages.toml").read_text())["package"]
    return tuple(Package(**table) for table in tables)


def cache() -> Path:
    """Return the folder that holds wheels and the installed corpus (``THEODORE_ACCURACY_CACHE`` names another)."""
    named = os.environ.get("THEODORE_ACCURACY_CACHE")
    return Path(named) if named else Path(tempfile.gettempdir()) / f"theodore-accuracy-{os.getuid()}"


def cached(wheel: str) -> Path:
    """Return a wheel's path. Raises NotFetched."""
    path = cache() / "wheels" / wheel
    if not path.is_file():
        raise NotFetched(f"{wheel} is not in {cache()}: python tests/accuracy fetch")
    return path


def site() -> Path:
    """Return the folder the corpus is installed in. Raises NotFetched."""
    path = cache() / "site"
    if not path.is_dir():
        raise NotFetched(f"the corpus is not installed in {cache()}: python tests/accuracy fetch")
    return path


def fetch() -> None:
    """Download everything pinned, by its hash, and install the recorded corpus beside it."""
    wheels = cache() / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    for name in ("corpus", "network", "popular"):
        _pip("download", "--dest", wheels, "--only-binary", ":all:", *_pinned(name))
    _pip("download", "--dest", wheels, "--no-binary", ":all:", *_pinned("suites"))
    if not (cache() / "site").is_dir():
        _pip("install", "--no-index", "--find-links", wheels, "--target", cache() / "site", *_pinned("corpus"))


def fetch_sources(pins: Path) -> None:
    """Download the source distributions a file pins, by their hashes, to be read and not to be installed."""
    sources = cache() / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    _pip("download", "--dest", sources, "--no-binary", ":all:", "--no-deps", "--require-hashes", "-r", pins)


def _pinned(name: str) -> tuple[object, ...]:
    return ("--no-deps", "--require-hashes", "-r", HERE / f"{name}.txt")


def _pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", *arguments[1:]]
    subprocess.run([str(part) for part in command], check=True)
