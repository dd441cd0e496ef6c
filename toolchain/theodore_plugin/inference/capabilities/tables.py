"""Look-up tables made of ``[[library]]`` tables; what is added later replaces what it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from theodore_plugin.inference.capabilities.model import Argument, Effect, Library
from theodore_sdk.info import PermissionType

SAFE = "safe"
BELOW = ".*"
"""The end of a safe name that stands for everything below it."""
Described = Mapping[str, Any]
"""One ``[[library]]`` table as read from TOML."""


@dataclass(slots=True)
class Tables:
    """Everything known by name. Names are absolute: ``httpx.AsyncClient().get``."""

    effects: dict[str, tuple[Effect, ...]] = field(default_factory=dict)
    safe: dict[str, None] = field(default_factory=dict)
    returns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    traits: dict[str, frozenset[str]] = field(default_factory=dict)
    libraries: dict[str, Library] = field(default_factory=dict)
    submodules: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    """Names some table speaks of, and their owners."""
    capable: set[str] = field(default_factory=set)
    """Owners of names with effects: modules, classes and objects."""

    def add(self, described: Described) -> None:
        """Add one library. Raises KeyError, ValueError or TypeError for what no map may hold."""
        root = described["module"]
        self.libraries[root] = self._library(root, described)
        self._add_effects(dict(effects_of(described)))
        self._add_safe(f"{root}.{name}" for name in described.get("safe", ()))
        self.returns.update(returns_of(described))
        self.aliases.update(aliases_of(described))
        self.values.update({f"{root}.{name}": text for name, text in described.get("values", {}).items()})
        self.submodules.update(f"{root}.{name}" for name in described.get("submodules", ()))
        for name, trait in traits_of(described):
            self.traits[name] = self.traits.get(name, frozenset()) | {trait}
        self._list(described)

    def _library(self, root: str, described: Described) -> Library:
        known = self.libraries.get(root, Library(root, None, None))
        default = described.get("default")
        effect = known.default if default is None else None
        if default not in (None, SAFE):
            effect = Effect(PermissionType(default), described.get("default_access", "use"))
        return Library(
            root, described.get("distribution", known.distribution), effect, described.get("source", known.source)
        )

    def _add_effects(self, effects: Mapping[str, tuple[Effect, ...]]) -> None:
        self.effects.update(effects)
        for name in effects:
            self.safe.pop(name, None)
            self.capable.update(owners(name))

    def _add_safe(self, names: Iterable[str]) -> None:
        for name in names:
            self.safe[name] = None
            self.effects.pop(name, None)

    def _list(self, described: Described) -> None:
        for name in (*spoken_of(described), *aliases_of(described)):
            if name not in self.listed:
                self.listed.update((name, *owners(name)))


def owners(name: str) -> Iterator[str]:
    """Iterate over what a name lies in, nearest first: ``os.environ.get`` lies in ``os.environ`` and in ``os``."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def spoken_of(described: Described) -> Iterator[str]:
    """Iterate over the absolute names a library says something about, itself first."""
    root = described["module"]
    yield root
    for table in described.get("effects", ()):
        yield from names_of(root, table)
    for key in ("safe", "values", "submodules"):
        for name in described.get(key, ()):
            yield f"{root}.{name}"
    for name, _ in (*returns_of(described), *traits_of(described)):
        yield name


def effects_of(described: Described) -> Iterator[tuple[str, tuple[Effect, ...]]]:
    """Iterate over names with their effects, in the order of the table."""
    found: dict[str, tuple[Effect, ...]] = {}
    for table in described.get("effects", ()):
        effect = _effect(table, described.get("source", ""))
        for name in names_of(described["module"], table):
            found[name] = (*found.get(name, ()), effect)
    also = tuple(
        Effect(PermissionType(table["permission"]), table["access"], table.get("target"), acts=False, ambient=True)
        for table in described.get("also", ())
    )
    for name, effects in found.items():
        yield name, (*effects, *(also if any(one.permission is PermissionType.NETWORK for one in effects) else ()))


def names_of(root: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Iterate over the absolute names of one effect: owners crossed with names."""
    for owner in table.get("on", ("",)):
        for name in table["names"]:
            yield ".".join(part for part in (root, owner, name) if part)


def returns_of(described: Described) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Iterate over names with what calling them may give."""
    root = described["module"]
    for name, result in described.get("returns", {}).items():
        results = [result] if isinstance(result, str) else result
        yield absolute(root, name), tuple(absolute(root, item) for item in results)


def aliases_of(described: Described) -> dict[str, str]:
    """Return other ways to reach a name, with the name itself."""
    root = described["module"]
    return {absolute(root, name): target for name, target in described.get("aliases", {}).items()}


def traits_of(described: Described) -> Iterator[tuple[str, str]]:
    """Iterate over (name, trait): what a name does that is no permission."""
    for trait, names in described.get("traits", {}).items():
        for name in names:
            yield f"{described['module']}.{name}", trait


def absolute(root: str, name: str) -> str:
    """Names in a map are relative to the library's module; a leading ``=`` makes them absolute."""
    return name[1:] if name.startswith("=") else f"{root}.{name}"


def _effect(table: Mapping[str, Any], source: str) -> Effect:
    position, keyword = argument(table.get("argument"))
    mode = table.get("mode")
    return Effect(
        PermissionType(table["permission"]),
        table.get("access", "use"),
        table.get("target"),
        position,
        keyword,
        receiver=table.get("receiver", False),
        acts=table.get("acts", True),
        modes=argument(mode) if mode is not None else None,
        fallback=table.get("fallback"),
        holds=table.get("holds", True),
        given=table.get("given", False),
        only=tuple(table.get("only", ())),
        unless=tuple(table.get("unless", ())),
        source=table.get("source", source),
    )


def argument(spec: Iterable[int | str] | None) -> Argument:
    """Read ``[0, "url"]``, ``[0]`` or ``["url"]``."""
    items = tuple(spec or ())
    position = next((item for item in items if isinstance(item, int)), None)
    keyword = next((item for item in items if isinstance(item, str)), None)
    return position, keyword
