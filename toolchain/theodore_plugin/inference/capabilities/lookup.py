"""Looking names up. Every answer is remembered: resolution asks for the same few thousand names millions of times.

Look-up order: the exact name, then ``safe`` names (``errors.*`` for all below one), then the default of the longest
library root. A name of no library is in no way described: ``library`` returns ``None``, and it is unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, TypeVar

from theodore_plugin.inference.capabilities.model import Effect, Library
from theodore_plugin.inference.capabilities.sections import Section
from theodore_plugin.inference.capabilities.tables import BELOW, Tables, owners

_LEAKING_ROOTS = sys.stdlib_module_names | {"theodore_sdk", "theodore_loader", "theodore_plugin"}
"""Packages whose imports are known to be modules: elsewhere ``.io`` or ``.socket`` may be their own."""
_POWERFUL = frozenset({"builtins", "ctypes", "importlib", "os", "subprocess", "sys"})
"""Modules that are found as attributes of any library."""
_MAX_HOPS = 4
"""Aliases are followed this far; the checker proves that no chain in a shipped map is longer."""
V = TypeVar("V")


class CapabilityMap:
    """The map, read as far as it was asked about."""

    def __init__(self, sections: Sequence[Section] = (), digest: str = "") -> None:
        self.digest = digest
        """SHA-256 of the files the map was read from, in hex: part of what a cached answer depends on."""
        self.leaked = frozenset(section.module for section in sections if section.leaked)
        """Modules that are found as attributes of the modules that import them."""
        self._modules = frozenset(section.module for section in sections)
        self._pending = groups(sections)
        self._tables = Tables()
        self._lock = Lock()
        self._canonical = _Remembered(self._follow)
        self._owners = _Remembered(self._owner)
        self._called = _Remembered(self._of_call)
        self._explicit = _Remembered(self._listed_effects)
        self._capables = _Remembered(self._has_capable)
        self._is_modules = _Remembered(self._names_module)

    @property
    def effects(self) -> Mapping[str, tuple[Effect, ...]]:
        """Effects by exact name."""
        return _Names(self, self._tables.effects)

    @property
    def returns(self) -> Mapping[str, tuple[str, ...]]:
        """What calling a name may give, where that is not simply the name with ``()``."""
        return _Names(self, self._tables.returns)

    @property
    def values(self) -> Mapping[str, str]:
        """Attributes that hold a known string or path: ``PluginContext().data_dir`` is ``{data}``."""
        return _Names(self, self._tables.values)

    @property
    def safe(self) -> Mapping[str, None]:
        """Names that do nothing, whatever their library's default."""
        return _Names(self, self._tables.safe)

    @property
    def libraries(self) -> Mapping[str, Library]:
        """Libraries by the module that is their root."""
        return _Names(self, self._tables.libraries)

    # what a name is

    def canonical(self, path: str) -> str:
        """Replace the longest aliased prefix, repeatedly (``urllib3.poolmanager.PoolManager`` and the like)."""
        return self._canonical[path]

    def _follow(self, path: str) -> str:
        for _ in range(_MAX_HOPS):
            found = self._alias(path) or self._leaked(path)
            if found is None:
                return path
            path = found
        return path

    def _alias(self, path: str) -> str | None:
        aliases = self._ready(path).aliases
        if path in aliases:
            return aliases[path]
        for position in range(len(path) - 1, 0, -1):
            if path[position] in ".(" and path[:position] in aliases:
                return aliases[path[:position]] + path[position:]
        return None

    def _leaked(self, path: str) -> str | None:
        """Return what a module shows of its own imports: ``logging.os`` and ``random._os`` are ``os``."""
        parts = path.partition("(")[0].split(".")
        leaked = self.leaked if parts[0] in _LEAKING_ROOTS else self.leaked & _POWERFUL
        listed = self._ready(path).listed
        for position in range(1, len(parts)):
            name = parts[position].lstrip("_")
            shown = ".".join(parts[: position + 1])
            if name in leaked and shown not in listed:
                return name + path[len(shown) :]
        return None

    def is_module(self, path: str) -> bool:
        """Whether ``path`` is a module: a library of the map, one of its submodules, or of the standard library."""
        return self._is_modules[path]

    def _names_module(self, path: str) -> bool:
        return path in self._modules or path in sys.stdlib_module_names or path in self._ready(path).submodules

    def library(self, path: str) -> Library | None:
        """Return the library with the longest root that holds ``path``; ``None`` when the map does not know it."""
        return self._owners[path]

    def _owner(self, path: str) -> Library | None:
        root = path.partition("(")[0]
        return self._longest(root) or self._longest(self.canonical(root))

    def _longest(self, root: str) -> Library | None:
        libraries = self._ready(root).libraries
        while root:
            if root in libraries:
                return libraries[root]
            root = root.rpartition(".")[0]
        return None

    # what a name does

    def explicit(self, path: str) -> tuple[Effect, ...]:
        """Effects listed for exactly this name."""
        return self._explicit[path]

    def _listed_effects(self, path: str) -> tuple[Effect, ...]:
        return self._ready(path).effects.get(path, ())

    def leads_on(self, path: str) -> bool:
        """Whether the map speaks of ``path`` or of something that is reached through it."""
        return path in self._ready(path).listed

    def held(self, path: str) -> tuple[Effect, ...]:
        """Effects that a bare reference to this name counts as having."""
        return tuple(effect for effect in self.explicit(path) if effect.holds)

    def of_call(self, path: str) -> tuple[Effect, ...]:
        """Effects of calling a name: listed ones, else the library's default."""
        return self._called[path]

    def _of_call(self, path: str) -> tuple[Effect, ...]:
        tables = self._ready(path)
        listed = tables.effects.get(path)
        if listed is not None or path in tables.safe:
            return listed or ()
        library = self.library(path)
        if library is None or library.default is None:
            return ()
        below_safe = any(f"{owner}{BELOW}" in tables.safe for owner in (path, *owners(path)))
        return () if below_safe else (library.default,)

    def is_capable(self, path: str) -> bool:
        """Whether some attribute of ``path`` has an effect: of a module, of a class, or of an object."""
        return self._capables[path]

    def _has_capable(self, path: str) -> bool:
        if path in self._ready(path).capable:
            return True
        library = self.library(path) if self.is_module(path) else None
        return library is not None and library.default is not None

    def traits(self, path: str) -> frozenset[str]:
        """Return what a name does that no permission is about: ``threads``, ``signals``, ``introspection``."""
        return self._ready(path).traits.get(path, frozenset())

    # reading as needed

    def everything(self) -> Tables:
        """Read the whole map and return its tables; for checks and listings."""
        for root in list(self._pending):
            self._ready(root)
        return self._tables

    def _ready(self, path: str) -> Tables:
        """Return the tables, in which what is said about the root of ``path`` is complete."""
        root = path.partition(".")[0].partition("(")[0]
        if root in self._pending:
            with self._lock:
                self._read(self._pending.get(root, ()))
        return self._tables

    def _read(self, group: Sequence[Section]) -> None:
        for section in group:
            self._tables.add(section.read())
        for root in {root for section in group for root in section.roots}:
            del self._pending[root]  # last: who does not find it here needs not wait


class _Remembered(dict[str, V]):
    """Answers that are computed once: nothing that is looked up ever changes its answer."""

    __slots__ = ("_compute",)

    def __init__(self, compute: Callable[[str], V]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, path: str) -> V:
        found = self[path] = self._compute(path)
        return found


class _Names(Mapping[str, V]):
    """One table of a map, read as far as it is asked."""

    __slots__ = ("_map", "_table")

    def __init__(self, owner: CapabilityMap, table: Mapping[str, V]) -> None:
        self._map = owner
        self._table = table

    def __getitem__(self, name: str) -> V:
        self._map._ready(name)
        return self._table[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._map._ready(name) is not None and name in self._table

    def __iter__(self) -> Iterator[str]:
        self._map.everything()
        return iter(self._table)

    def __len__(self) -> int:
        self._map.everything()
        return len(self._table)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the entry or ``default``; defined here because look-ups that find nothing are the common ones."""
        self._map._ready(name)
        return self._table.get(name, default)


def groups(sections: Sequence[Section]) -> dict[str, tuple[Section, ...]]:
    """Map every root to the sections to read for it, in their order.

    Sections that share a root are read together, because a later one may replace what an earlier one says.
    """
    found: dict[str, list[int]] = {}
    for index, section in enumerate(sections):
        together = sorted({index, *(other for root in section.roots for other in found.get(root, ()))})
        for root in {root for other in together for root in sections[other].roots}:
            found[root] = together
    return {root: tuple(sections[index] for index in together) for root, together in found.items()}
