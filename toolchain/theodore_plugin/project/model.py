"""What a check looks at, as plain data: every file's bytes are read once and everything later works on those bytes.

A wheel is not unpacked: its members are in ``files`` just as the files of a source tree are, so both are
checked by the same code and nothing is written anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from theodore_loader.errors import InvalidWheel
from theodore_plugin.finding import Location

PYPROJECT = "pyproject.toml"
LOCK_NAME = "pylock.toml"
SBOM_NAME = "sbom.cdx.json"
API_USAGE_NAME = "api-usage.json"
PKG_INFO = "PKG-INFO"
"""What a source distribution says about itself: all there is where a build script says it (``setup.py``)."""
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One Python file that would be shipped. ``path`` is POSIX style and relative to the project."""

    path: str
    module: str | None
    """Dotted import name; ``None`` for a file no import can reach (``my-script.py``)."""
    data: bytes
    digest: str
    """SHA-256 of ``data``, lower-case hex."""

    @classmethod
    def of(cls, path: str, module: str | None, data: bytes) -> SourceFile:
        """Build from bytes, computing the digest."""
        return cls(path, module, data, hashlib.sha256(data).hexdigest())

    @property
    def is_package(self) -> bool:
        """Whether this is a package's ``__init__.py``."""
        return self.path.rsplit("/", 1)[-1] == "__init__.py"


@dataclass(frozen=True, slots=True)
class TextFile:
    """One text file that is not Python source that would be shipped: data, documentation, tests, tools."""

    path: str
    data: bytes
    digest: str
    """SHA-256 of ``data``, lower-case hex."""
    shipped: bool
    """Whether it would be in the wheel, or lies beside the package."""

    @classmethod
    def of(cls, path: str, data: bytes, *, shipped: bool) -> TextFile:
        """Build from bytes, computing the digest."""
        return cls(path, data, hashlib.sha256(data).hexdigest(), shipped)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A Python file or folder that is deliberately not analysed, and why; it would not be shipped."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that would be shipped and could not be looked at: the check is incomplete because of it."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class IgnoredConfig:
    """A file or section in the target that would steer a tool; seen and not used."""

    location: Location
    what: str
    """What it would have done, as a clause: ``configures bandit``."""


@dataclass(frozen=True)
class PluginProject:
    """The tree or wheel under check. Build one with :meth:`open`, or :meth:`from_files` for data in memory."""

    root: Path
    """The project folder, or the wheel file itself (a wheel is never unpacked)."""
    label: str
    """How reports call the input: the folder's or the wheel's name, never an absolute path."""
    files: tuple[SourceFile, ...]
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    """Parsed ``pyproject.toml``; for a wheel, ``[project]`` rebuilt from METADATA."""
    pyproject_text: str = ""
    project_file: str = PYPROJECT
    """Where ``[project]`` came from: ``pyproject.toml``, or the wheel's ``METADATA`` member."""
    package_roots: tuple[str, ...] = ()
    """Top-level packages and modules that would be shipped, relative to the project."""
    is_wheel: bool = False
    defects: tuple[InvalidWheel, ...] = ()
    """What is wrong with a wheel as the wheel of a plugin."""
    library_defects: tuple[InvalidWheel, ...] = ()
    """What is wrong with a wheel as one that a plugin depends on."""
    wheel_name: str | None = None
    sha256: str | None = None
    """Digest of the wheel itself, lower-case hex; ``None`` for a tree."""
    manifest: bytes | None = None
    """``theodore-plugin.json`` of a wheel."""
    lock: bytes | None = None
    """``pylock.toml`` of a wheel or at the root of a source tree."""
    sbom: bytes | None = None
    """The bill of materials inside a wheel (PEP 770), or ``sbom.cdx.json`` at the root of a source tree."""
    api_usage: bytes | None = None
    """``api-usage.json`` of a wheel, or at the root of a source tree."""
    skipped: tuple[SkippedFile, ...] = ()
    unreadable: tuple[UnreadableFile, ...] = ()
    ignored_configs: tuple[IgnoredConfig, ...] = ()
    members: tuple[str, ...] = ()
    """Every shipped file that was seen, Python or not."""
    heads: Mapping[str, bytes] = field(default_factory=dict)
    """The first ``HEAD_BYTES`` of every shipped file that is not Python source: enough to tell what it is."""
    beside: tuple[str, ...] = ()
    """Files of a source tree that would not be shipped: README, licence, tests, tools. A wheel has none."""
    texts: tuple[TextFile, ...] = ()
    """The text among everything that is not in ``files``, shipped or beside (:mod:`theodore_plugin.project.texts`)."""
    not_texts: tuple[SkippedFile, ...] = ()
    """What is neither in ``files`` nor in ``texts``, and why: binary, too large, too many."""

    @staticmethod
    def open(path: Path) -> PluginProject:
        """Read a source tree or a ``.whl``.

        Raises ConfigurationProblem (missing path, no wheel, broken pyproject, too large), NothingToDo
        (nothing to check in there) or Refused (the wheel is not acceptable).
        """
        from theodore_plugin.project.opening import open_project

        return open_project(path)

    @staticmethod
    def from_files(files: Mapping[str, bytes], *, label: str = "memory") -> PluginProject:
        """Build from file contents already in memory, laid out as a source tree would be."""
        from theodore_plugin.project.tree import project_from_contents

        return project_from_contents(files, label=label)

    @property
    def table(self) -> Mapping[str, Any]:
        """The ``[project]`` table, empty when there is none."""
        table = self.pyproject.get("project", {})
        return table if isinstance(table, Mapping) else {}

    @property
    def name(self) -> str | None:
        """Distribution name as written, or ``None``."""
        value = self.table.get("name")
        return value if isinstance(value, str) else None

    @property
    def version(self) -> str | None:
        """Distribution version as written, or ``None`` (missing or dynamic)."""
        value = self.table.get("version")
        return value if isinstance(value, str) else None

    @cached_property
    def modules(self) -> Mapping[str, SourceFile]:
        """Source files by import name."""
        return {file.module: file for file in self.files if file.module is not None}

    def locate(self, *needles: str) -> Location:
        """Point at the first line of the project file that contains a needle (tried in order), else at its start."""
        lines = self.pyproject_text.splitlines()
        for needle in needles:
            for number, line in enumerate(lines, start=1):
                column = line.find(needle)
                if needle and column >= 0:
                    return Location(self.project_file, number, column + 1, number, column + 1 + len(needle))
        return Location(self.project_file)
