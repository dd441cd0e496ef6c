"""What mypy is given to look at: its own copy of the source, the SDK, and the types dependencies publish.

The folders stand side by side, and mypy starts in an empty one::

    typed/  the plugin, without silencing comments      sdk/   theodore_sdk
    types/  what dependencies publish                   start/ nothing

What mypy writes lies in its scratch folder.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import theodore_sdk
from theodore_plugin.project import SourceFile
from theodore_plugin.scanners.hermetic import CleanTree
from theodore_plugin.scanners.mypy_types import Types
from theodore_plugin.scanners.neutral_source import neutral_source


@dataclass(frozen=True, slots=True)
class TypedCopy:
    """The folders, and what is to be judged."""

    tree: CleanTree
    """``root`` is the copy; the rest is the check's."""
    files: tuple[SourceFile, ...]
    """The plugin's files; with none, mypy is asked about the SDK and what most plugins import."""
    name: str = "mypy"
    """Name of the scratch folder."""

    @property
    def start(self) -> Path:
        """The folder mypy starts in; it also looks there for modules, so it is empty."""
        return self.tree.root.with_name("start")

    @property
    def arguments(self) -> list[str]:
        """The files, relative to :attr:`start`.

        mypy keeps messages in its cache under the paths it was given, and the copy is elsewhere next time.
        """
        given = [f"../{self.tree.root.name}/{file.path}" for file in self.files]
        return ["--", *given] if given else ["--command", f"import {', '.join(_COMMON)}"]

    @property
    def search_path(self) -> str:
        """The SDK first, so that no folder of the plugin can pose as it, then the plugin, then what it depends on."""
        bases = sorted({str(self.tree.root / _base(file)) for file in self.files})
        behind = [*bases, str(self.types)] if self.files else []
        return os.pathsep.join([str(_beside(self.tree, "sdk")), *behind])

    @property
    def types(self) -> Path:
        """Where the dependencies' types lie."""
        return _beside(self.tree, "types")

    @property
    def cache(self) -> Path:
        """The cache folder."""
        return self.tree.scratch / self.name / "cache"

    @property
    def databases(self) -> Path:
        """Where in its cache folder mypy has what belongs to this version of Python."""
        return self.cache / f"{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def end(self) -> Path:
        """The file mypy writes at its end."""
        return self.tree.scratch / self.name / "end.xml"

    def clear(self) -> None:
        """Remove what an earlier run wrote."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.end.unlink(missing_ok=True)

    def drop_types(self) -> None:
        """Take the dependencies' types away."""
        shutil.rmtree(self.types, ignore_errors=True)

    def is_of_dependencies(self, reported: str) -> bool:
        """Return whether a path mypy printed is one of the dependencies' types."""
        return self._absolute(reported).is_relative_to(self.types)

    def short(self, reported: str) -> str:
        """Return a path mypy printed as a reader knows it."""
        path = self._absolute(reported)
        known = next((base for base in (self.tree.root, self.types) if path.is_relative_to(base)), None)
        return path.relative_to(known).as_posix() if known else reported

    def project_path(self, reported: str) -> str | None:
        """Translate a path mypy printed; ``None`` if it is not one of the files."""
        return self.tree.project_path(str(self._absolute(reported)))

    def _absolute(self, reported: str) -> Path:
        return Path(os.path.normpath(self.start / reported))


def typed_copy(tree: CleanTree, files: tuple[SourceFile, ...], types: Types) -> TypedCopy:
    """Write the folders."""
    root = _beside(tree, "typed")
    copy = TypedCopy(CleanTree(root, tree.scratch, tuple(file.path for file in files), tree.stop), files)
    copy.start.mkdir(exist_ok=True)
    stamp = secrets.randbits(31)
    for file in files:
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(neutral_source(file.data))
        # two files with one path, size and time are the same to mypy's cache; with another time it compares digests
        os.utime(target, (stamp, stamp))
    _write_sdk(_beside(tree, "sdk"))
    types.write(_beside(tree, "types"))
    return copy


def sdk_only(tree: CleanTree, name: str) -> TypedCopy:
    """Write nothing but the SDK, beside whatever is there; the run's scratch folder is called ``name``."""
    root = _beside(tree, "typed")
    copy = TypedCopy(CleanTree(root, tree.scratch, (), tree.stop), (), name)
    copy.start.mkdir(exist_ok=True)
    _write_sdk(_beside(tree, "sdk"))
    return copy


_COMMON = (
    *("theodore_sdk", "argparse", "asyncio", "base64", "collections", "concurrent.futures", "contextlib", "csv"),
    *("dataclasses", "datetime", "email.message", "functools", "hashlib", "html.parser", "http.client"),
    *("http.cookiejar", "io", "itertools", "json", "logging", "os", "pathlib", "random", "re", "shutil", "socket"),
    *("sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "typing", "urllib.parse", "urllib.request"),
    *("uuid", "xml.etree.ElementTree", "zipfile"),
)
"""The SDK and the modules of the standard library that plugins, and HTTP clients, import most."""


def sdk_digest() -> str:
    """Return the digest of the SDK's source: what it promises decides what mypy finds."""
    state = hashlib.sha256()
    for path in sorted(_SDK.rglob("*.py")):
        state.update(f"{path.relative_to(_SDK)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return state.hexdigest()


_SDK = Path(theodore_sdk.__file__).parent


def _write_sdk(folder: Path) -> None:
    shutil.copytree(_SDK, folder / "theodore_sdk", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def _beside(tree: CleanTree, name: str) -> Path:
    return tree.root.with_name(name)


def _base(file: SourceFile) -> PurePosixPath:
    """Return the folder from which ``file`` is imported under its module name."""
    depth = (file.module or "").count(".") + (1 if file.is_package else 0)
    return PurePosixPath(file.path).parents[depth]
