"""The capability map: data under ``policies/capabilities/`` that says what a foreign name can do.

Look-up order: the exact name, then ``safe`` names, then the default of the longest library root.
A user's map (``THEODORE_PLUGIN``'s settings) may be merged over the shipped one with ``merged``.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_sdk.info import PermissionType

_LEAKING_ROOTS = sys.stdlib_module_names | {"theodore_sdk", "theodore_loader", "theodore_plugin"}
"""Packages whose imports are known to be modules: elsewhere ``.io`` or ``.socket`` may be their own."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What using a name does."""

    permission: PermissionType
    access: str
    target: str | None = None
    """How the argument becomes a pattern: url, host, address, bind, path, program, shell, variable, service, library,
    module; or the pattern itself after ``=``."""
    position: int | None = None
    keyword: str | None = None
    receiver: bool = False
    """The target is the object the method is called on (``Path("x").read_text()``)."""
    acts: bool = True
    modes: tuple[int | None, str | None] | None = None
    """Argument holding an ``open`` mode, which decides between read and write."""
    fallback: str | None = None
    """The target when the argument is not given: a client's own service."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """Defaults of one importable root."""

    root: str
    distribution: str | None
    default: Effect | None
    """What every unlisted name of the library does; ``None`` for safe."""


@dataclass(frozen=True)
class CapabilityMap:
    """The compiled map."""

    effects: Mapping[str, tuple[Effect, ...]] = field(default_factory=dict)
    safe: frozenset[str] = frozenset()
    returns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    """Attributes that hold a known string or path: ``PluginContext().data_dir`` is ``{data}``."""
    libraries: Mapping[str, Library] = field(default_factory=dict)
    leaked: frozenset[str] = frozenset()
    """Modules that are found as attributes of the modules that import them."""

    def canonical(self, path: str) -> str:
        """Replace the longest aliased prefix, repeatedly (``urllib3.poolmanager.PoolManager`` and the like)."""
        for _ in range(4):
            alias = self._alias(path) or self._leaked(path)
            if alias is None:
                return path
            path = alias
        return path

    def _alias(self, path: str) -> str | None:
        if path in self.aliases:
            return self.aliases[path]
        for position in range(len(path) - 1, 0, -1):
            if path[position] in ".(" and path[:position] in self.aliases:
                return self.aliases[path[:position]] + path[position:]
        return None

    def _leaked(self, path: str) -> str | None:
        """Return what a module shows of its own imports: ``logging.os`` and ``random._os`` are ``os``."""
        parts = path.split("(", 1)[0].split(".")
        if parts[0] not in _LEAKING_ROOTS:
            return None
        for position in range(len(parts) - 1, 0, -1):
            name = parts[position].lstrip("_")
            shown = ".".join(parts[: position + 1])
            if name in self.leaked and shown not in self.listed:
                return name + path[len(shown) :]
        return None

    @cached_property
    def listed(self) -> frozenset[str]:
        """Names the map speaks of, and their owners: ``socket.socket`` is a class, not the module it lies in."""
        found = set(self.libraries)
        for name in (*self.effects, *self.returns, *self.aliases, *self.values, *self.safe):
            while name and name not in found:
                found.add(name)
                name = name.rpartition(".")[0]
        return frozenset(found)

    def is_module(self, path: str) -> bool:
        """Whether ``path`` is a module: a library of the map, or one of the standard library."""
        return path in self.libraries or path in sys.stdlib_module_names

    def explicit(self, path: str) -> tuple[Effect, ...]:
        """Effects listed for exactly this name."""
        return self.effects.get(path, ())

    def of_call(self, path: str) -> tuple[Effect, ...]:
        """Effects of calling a name: listed ones, else the library's default."""
        listed = self.effects.get(path)
        if listed is not None or path in self.safe:
            return listed or ()
        library = self.library(path)
        return (library.default,) if library and library.default else ()

    def is_capable(self, path: str) -> bool:
        """Whether ``path`` is a module some of whose names have effects."""
        return path in self.libraries and (self.libraries[path].default is not None or path in self.capable)

    @cached_property
    def capable(self) -> frozenset[str]:
        """Modules with at least one effect."""
        owners = (self.library(name) for name in self.effects)
        return frozenset(owner.root for owner in owners if owner is not None)

    def library(self, path: str) -> Library | None:
        """Return the library with the longest root that holds ``path``."""
        root = path.split("(", 1)[0]
        while root:
            if root in self.libraries:
                return self.libraries[root]
            root = root.rpartition(".")[0]
        return None


@cache
def shipped_map() -> CapabilityMap:
    """Load the map that comes with the toolchain."""
    return load_maps(sorted((policies_dir() / "capabilities").glob("*.toml")))


def load_maps(paths: Iterable[Path]) -> CapabilityMap:
    """Load and merge maps, later ones winning. Raises ConfigurationProblem naming the file."""
    builder = _Builder()
    for path in paths:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
            for library in document.get("library", []):
                builder.add(library)
        except (OSError, tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
            raise ConfigurationProblem(
                f"capability map {path.name}: {error}", help="see policies/schemas/capabilities.schema.json"
            ) from error
    return builder.build()


class _Builder:
    """Accumulates libraries into the look-up tables."""

    def __init__(self) -> None:
        self.effects: dict[str, tuple[Effect, ...]] = {}
        self.safe: set[str] = set()
        self.returns: dict[str, tuple[str, ...]] = {}
        self.aliases: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.libraries: dict[str, Library] = {}
        self.leaked: set[str] = set()

    def add(self, library: Mapping[str, Any]) -> None:
        """Add one ``[[library]]`` table."""
        root = library["module"]
        default = library.get("default", "safe")
        effect = None if default == "safe" else Effect(PermissionType(default), library.get("default_access", "use"))
        self.libraries[root] = Library(root, library.get("distribution"), effect)
        if library.get("leaked", False):
            self.leaked.add(root)
        source = library.get("source", "")
        for table in library.get("effects", []):
            for name in _names(root, table):
                self.effects[name] = (*self.effects.get(name, ()), _effect(table, source))
        self.safe.update(f"{root}.{name}" for name in library.get("safe", []))
        for name, result in library.get("returns", {}).items():
            results = [result] if isinstance(result, str) else result
            self.returns[f"{root}.{name}"] = tuple(_absolute(root, item) for item in results)
        self.aliases.update({_absolute(root, name): target for name, target in library.get("aliases", {}).items()})
        self.values.update({f"{root}.{name}": text for name, text in library.get("values", {}).items()})

    def build(self) -> CapabilityMap:
        """Freeze."""
        return CapabilityMap(
            self.effects,
            frozenset(self.safe),
            self.returns,
            self.aliases,
            self.values,
            self.libraries,
            frozenset(self.leaked),
        )


def _absolute(root: str, name: str) -> str:
    """Names in a map are relative to the library's module; a leading ``=`` makes them absolute."""
    return name[1:] if name.startswith("=") else f"{root}.{name}"


def _names(root: str, table: Mapping[str, Any]) -> Iterable[str]:
    owners = table.get("on", [""])
    for owner in owners:
        for name in table["names"]:
            yield ".".join(part for part in (root, owner, name) if part)


def _effect(table: Mapping[str, Any], source: str) -> Effect:
    position, keyword = _argument(table.get("argument"))
    mode = table.get("mode")
    return Effect(
        PermissionType(table["permission"]),
        table.get("access", "use"),
        table.get("target"),
        position,
        keyword,
        receiver=table.get("receiver", False),
        acts=table.get("acts", True),
        modes=_argument(mode) if mode is not None else None,
        fallback=table.get("fallback"),
        source=table.get("source", source),
    )


def _argument(spec: list[int | str] | None) -> tuple[int | None, str | None]:
    position = next((item for item in spec or () if isinstance(item, int)), None)
    keyword = next((item for item in spec or () if isinstance(item, str)), None)
    return position, keyword
