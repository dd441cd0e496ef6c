"""The order in which Python looks a member up: C3 over the plugin's own classes and the SDK's bases.

What a foreign class itself derives from is not known, so it stands for itself alone. That can only leave orders
open, never forbid one: an inconsistency found here is one at run time too (Python data model, "Resolving MRO
entries"; Barrett et al., "A monotonic superclass linearization").
"""

from __future__ import annotations

import builtins
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from theodore_plugin.contracts.model import Contract
from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, Names, OwnClass
from theodore_plugin.metadata.plugin_class import sdk_base

MAX_DEPTH = 48
"""Bases of bases followed; deeper ones count as foreign."""
_IMPLICIT = frozenset({"typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "typing_extensions.Generic"})
"""``__mro_entries__`` moves these out of the way of every other base."""
ROOT = "builtins.object"
_PLAIN = frozenset({ROOT, "abc.ABC"})


class InconsistentOrder(Exception):
    """No order satisfies what the bases demand; Python refuses to create the class."""

    def __init__(self, cls: OwnClass, names: tuple[str, ...]) -> None:
        self.cls = cls
        self.names = names
        super().__init__(" and ".join(names))


@dataclass(frozen=True, slots=True)
class SdkBase:
    """A base class of the SDK, by its contract."""

    name: str


@dataclass(frozen=True, slots=True)
class ForeignBase:
    """A class from elsewhere; it may implement anything, unless ``plain``."""

    path: str

    @property
    def plain(self) -> bool:
        """Whether the class is known to implement nothing a contract asks for."""
        return self.path in _PLAIN or self.path.startswith("builtins.")


Ancestor = OwnClass | SdkBase | ForeignBase


def linearise(names: Names, start: OwnClass, bases: Mapping[str, Contract]) -> tuple[Ancestor, ...]:
    """Return ``start`` and its ancestors in the order members are looked up. Raises InconsistentOrder."""
    return Linearisation(names, bases).of(start)


class Linearisation:
    """Linearises many classes of one project; what was found for one is used for those that derive from it."""

    def __init__(self, names: Names, bases: Mapping[str, Contract]) -> None:
        self.names = names
        self.bases = bases
        self._known: dict[int, list[Ancestor]] = {}
        self._running: set[int] = set()

    def of(self, start: OwnClass) -> tuple[Ancestor, ...]:
        """Return a class and its ancestors in the order members are looked up. Raises InconsistentOrder."""
        self._running.clear()
        found = self._known[id(start.node)] = self._order(start, 0)
        return tuple(found)

    def _order(self, item: Ancestor, depth: int) -> list[Ancestor]:
        if isinstance(item, SdkBase):
            lineage = self.bases[item.name].lineage
            return [*(SdkBase(name) for name in lineage), ForeignBase("abc.ABC"), ForeignBase(ROOT)]
        if isinstance(item, ForeignBase):
            return _builtin_order(item)
        if id(item.node) in self._known:
            return self._known[id(item.node)]
        if depth > MAX_DEPTH or id(item.node) in self._running:
            return [ForeignBase(f"{item.module.module}.{item.node.name}"), ForeignBase(ROOT)]
        self._running.add(id(item.node))
        parents = list(self._parents(item)) or [ForeignBase(ROOT)]
        orders = [self._order(parent, depth + 1) for parent in parents]
        self._running.discard(id(item.node))
        return [item, *_merge(item, [*orders, parents])]

    def _parents(self, item: OwnClass) -> Iterator[Ancestor]:
        for argument in item.node.bases:
            if argument.keyword is None:
                parent = base_of(self.names, item.module, argument.value, self.bases)
                if parent is not None:
                    yield parent


def base_of(names: Names, module: m.ModuleFacts, base: m.Expr, bases: Mapping[str, Contract]) -> Ancestor | None:
    """Return what a base expression stands for; ``None`` for what leaves no trace in the order."""
    expression = base.value if isinstance(base, m.Subscript) else base
    meaning = names.resolve_expression(module, expression)
    if isinstance(meaning, OwnClass):
        return meaning
    path = meaning.path if isinstance(meaning, Foreign) else _builtin(names, module, expression)
    if path in _IMPLICIT:
        return None
    known = sdk_base(path)
    return SdkBase(known) if known is not None and known in bases else ForeignBase(path)


def _builtin(names: Names, module: m.ModuleFacts, expression: m.Expr) -> str:
    path = names.path(module, expression) or m.dotted(expression) or "an expression"
    return f"builtins.{path}" if hasattr(builtins, path) else path


def _builtin_order(item: ForeignBase) -> list[Ancestor]:
    found = getattr(builtins, item.path.removeprefix("builtins."), None) if item.path.startswith("builtins.") else None
    if isinstance(found, type):
        return [ForeignBase(f"builtins.{parent.__name__}") for parent in found.__mro__]
    return [item, ForeignBase(ROOT)]


def _merge(cls: OwnClass, orders: list[list[Ancestor]]) -> list[Ancestor]:
    """C3: take the first head that is in no tail, until nothing is left."""
    result: list[Ancestor] = []
    pending = [deque(order) for order in orders if order]
    tails = Counter(_key(item) for order in orders for item in order[1:])
    while pending:
        head = next((order[0] for order in pending if not tails[_key(order[0])]), None)
        if head is None:
            raise InconsistentOrder(cls, tuple(sorted({label(order[0]) for order in pending})))
        result.append(head)
        for order in pending:
            if _key(order[0]) == _key(head):
                order.popleft()
                if order:
                    tails[_key(order[0])] -= 1
        pending = [order for order in pending if order]
    return result


def _key(item: Ancestor) -> int | SdkBase | ForeignBase:
    """Return what makes two mentions the same class."""
    return id(item.node) if isinstance(item, OwnClass) else item


def label(item: Ancestor) -> str:
    """Return how a class is named in a message."""
    if isinstance(item, OwnClass):
        return item.node.name
    return item.name if isinstance(item, SdkBase) else item.path.removeprefix("builtins.")
