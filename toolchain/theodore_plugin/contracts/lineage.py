"""What an exception class derives from, by bare names; ``None`` as soon as one ancestor is not known.

Bare names, because a plugin cannot import a host's exceptions and defines classes of the same name instead.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping

from theodore_plugin.contracts.model import SDK
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, Names, OwnClass

MAX_DEPTH = 24


class Lineages:
    """Reads exception classes of one project. ``known`` are the exceptions contract data describes, by full name."""

    def __init__(self, names: Names, known: Mapping[str, tuple[str, ...]]) -> None:
        self.names = names
        self.known = {name.rpartition(".")[2]: bases for name, bases in known.items()}

    def of(self, module: m.ModuleFacts, expression: m.Expr, depth: int = 0) -> frozenset[str] | None:
        """Return the bare names of a class and of everything it derives from."""
        meaning = self.names.resolve_expression(module, expression)
        if isinstance(meaning, OwnClass):
            return self._own(meaning, depth)
        path = meaning.path if isinstance(meaning, Foreign) else self.names.path(module, expression)
        return self._foreign(path) if path is not None else None

    def label(self, module: m.ModuleFacts, expression: m.Expr) -> str:
        """Return the bare name a class has in a lineage."""
        meaning = self.names.resolve_expression(module, expression)
        if isinstance(meaning, OwnClass):
            return meaning.node.name
        return (self.names.path(module, expression) or "").rpartition(".")[2]

    def family(self, allowed: Iterable[str]) -> frozenset[str]:
        """Return the bare names of the given exceptions and of everything the contract data derives from them."""
        found = {name.rpartition(".")[2] for name in allowed}
        grown = True
        while grown:
            derived = {name for name, bases in self.known.items() if {b.rpartition(".")[2] for b in bases} & found}
            grown = not derived <= found
            found |= derived
        return frozenset(found)

    def _own(self, cls: OwnClass, depth: int) -> frozenset[str] | None:
        if depth > MAX_DEPTH or any(item.keyword is not None for item in cls.node.bases) or cls.node.decorators:
            return None
        parents = [self.of(cls.module, item.value, depth + 1) for item in cls.node.bases]
        known = [parent for parent in parents if parent is not None]
        if len(known) < len(parents) or not known:
            return None
        return frozenset({cls.node.name}).union(*known)

    def _foreign(self, path: str) -> frozenset[str] | None:
        if path.partition(".")[0] == SDK:
            return self._described(path.rpartition(".")[2])
        found = getattr(builtins, path.removeprefix("builtins."), None)
        if isinstance(found, type) and issubclass(found, BaseException):
            return frozenset(parent.__name__ for parent in found.__mro__)
        return None

    def _described(self, name: str) -> frozenset[str] | None:
        bases = self.known.get(name)
        if bases is None:
            return frozenset(item.__name__ for item in Exception.__mro__) if name == "Exception" else None
        parents = [self._described(base.rpartition(".")[2]) for base in bases]
        return frozenset({name}).union(*(parent or frozenset() for parent in parents))
