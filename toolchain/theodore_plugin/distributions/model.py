"""What is known about one distribution, whatever it is read from.

What it consists of is known at once; the content of a file is read (and verified) when it is asked for,
because of a large dependency only a part is ever looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from theodore_plugin.project import SourceFile, UnreadableFile

_SEPARATORS = re.compile(r"[-_.]+")
HOOK_SUFFIX = ".pth"
SDIST_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
NATIVE_SUFFIXES = (".so", ".pyd", ".dll", ".dylib")


Input = tuple[str, str]
"""``file``, ``tree`` (a folder with everything below it) or ``site`` (an import folder), and its absolute path."""


class Unreadable(Exception):
    """The content of a member cannot be had, or is not what it is said to be; the text is the reason."""


class Contents(Protocol):
    """Where the bytes of a distribution's members come from."""

    def read(self, path: str) -> bytes:
        """Return the content of a member. Raises :class:`Unreadable`."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """One distribution. Paths are POSIX style and relative to the folder imports start from."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    digest: str
    """Names the content in caches: SHA-256, lower-case hex, of an installed distribution's RECORD (which names
    the digest of every file), of an archive's bytes, or of all sources of a folder."""
    python_files: Mapping[str, str | None]
    """Path of every Python file, and of every start-up hook, with its import name if an import can reach it."""
    native: tuple[str, ...] = ()
    """Paths of machine code."""
    requirements: tuple[str, ...] = ()
    """What it says it needs, in the words of its metadata (PEP 508)."""
    python: tuple[int, int] | None = None
    """The interpreter it is installed for; ``None`` stands for the running one."""
    startup_hooks: tuple[str, ...] = ()
    """Paths of what every interpreter that sees the distribution runs at its start."""
    gaps: tuple[UnreadableFile, ...] = ()
    """What cannot be looked at and is known before anything is read."""
    inputs: tuple[Input, ...] = ()
    """What decides that nothing has changed; an installed distribution is represented by its RECORD."""
    contents: Contents = field(repr=False, kw_only=True)

    @cached_property
    def requires(self) -> tuple[str, ...]:
        """Normalised names of the distributions it needs here, extras left out."""
        from theodore_plugin.distributions.requirements import required_name

        named = (required_name(line, self.python) for line in self.requirements)
        return tuple(sorted({name for name in named if name is not None}))

    @cached_property
    def modules(self) -> Mapping[str, str]:
        """Path of every importable module by import name; where a package and a module share one, the package."""
        found: dict[str, str] = {}
        for path, module in self.python_files.items():
            if module is not None and (module not in found or path.endswith("/__init__.py")):
                found[module] = path
        return found

    @cached_property
    def native_modules(self) -> frozenset[str]:
        """Import names of modules that are machine code."""
        names = (import_name(path[: path.index(".", path.rfind("/") + 1)] + ".py") for path in self.native)
        return frozenset(name for name in names if name is not None)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Import names it owns outright: top-level packages and modules, and its portions of namespace packages."""
        names = sorted(self.modules.keys() | self.native_modules, key=lambda name: (name.count("."), name))
        owned: set[str] = set()
        for name in names:
            parts = name.split(".")
            if not any(".".join(parts[:depth]) in owned for depth in range(1, len(parts))):
                owned.add(name)
        return tuple(sorted(owned))

    def file(self, path: str) -> SourceFile | UnreadableFile:
        """Read one of :attr:`python_files`."""
        try:
            data = self.contents.read(path)
        except Unreadable as problem:
            return UnreadableFile(path, str(problem))
        module = self.python_files[path]
        return SourceFile.of(path, module, hook_code(data) if path.endswith(HOOK_SUFFIX) else data)

    def read(self) -> tuple[tuple[SourceFile, ...], tuple[UnreadableFile, ...]]:
        """Read every Python file; the second half is what could not be had, :attr:`gaps` included."""
        read = [self.file(path) for path in self.python_files]
        files = tuple(item for item in read if isinstance(item, SourceFile))
        return files, (*self.gaps, *(item for item in read if isinstance(item, UnreadableFile)))

    def files(self) -> tuple[SourceFile, ...]:
        """Every Python file that can be read. Ask :meth:`unreadable` for the others: they are never clean."""
        return self.read()[0]

    def unreadable(self) -> tuple[UnreadableFile, ...]:
        """Every Python file that cannot be read or is not what RECORD says, with the reason."""
        return self.read()[1]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it; :mod:`packaging` says the same and takes longer to import."""
    return _SEPARATORS.sub("-", name).lower()


def import_name(path: str) -> str | None:
    """Return the import name of a ``.py`` path below an import root, or ``None`` if no import can reach it."""
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def hook_code(data: bytes) -> bytes:
    """Return the lines of a ``.pth`` file that :mod:`site` executes, at their places; the others become blank."""
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    return b"".join((line if line.startswith((b"import ", b"import\t")) else b"") + b"\n" for line in lines)


def is_startup_hook(path: str, data: bytes) -> bool:
    """Return whether a ``.pth`` file executes something instead of only naming folders."""
    return path.endswith(HOOK_SUFFIX) and bool(hook_code(data).strip())
