"""What must hold among the libraries of a map, whatever is installed.

* no library is described twice, and no name is both safe and has effects;
* one effect is not listed twice for a name, a name has one alias, and aliases end within four steps;
* ``returns`` and aliases lead to something the map speaks of, or to a library's default;
* an argument makes sense for its target, and ``only`` and ``unless`` have a target to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from theodore_plugin.inference.capabilities.tables import (
    SAFE,
    Described,
    aliases_of,
    effects_of,
    names_of,
    owners,
    returns_of,
    spoken_of,
)

MAX_HOPS = 4
"""How far ``CapabilityMap.canonical`` follows aliases."""
NAMED_TARGETS = frozenset({"url", "host", "address", "bind", "path", "variable", "service", "library", "module"})
"""Targets that come from an argument or a receiver: saying which is part of the entry."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect of a map."""

    library: int
    """Index of the ``[[library]]`` table."""
    key: str
    """What it is about: the module, and the key or name."""
    message: str
    remedy: str
    needle: str = ""
    """Text to be found on the line in question."""


def problems_of(libraries: Sequence[Described]) -> Iterator[Problem]:
    """Iterate over everything wrong with the libraries of one file, or of a whole map."""
    yield from _described_twice(libraries)
    for index, described in enumerate(libraries):
        yield from _contradictions(index, described)
        yield from _repetitions(index, described)
        for table in described.get("effects", ()):
            yield from _targets(index, described, table)
    yield from _aliases(libraries)


def _described_twice(libraries: Sequence[Described]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, described in enumerate(libraries):
        module = described["module"]
        if module in seen:
            yield Problem(index, module, "is described twice", "put both into one [[library]] table", f'"{module}"')
        seen.setdefault(module, index)


def _contradictions(index: int, described: Described) -> Iterator[Problem]:
    module = described["module"]
    effects = dict(effects_of(described))
    for name in described.get("safe", ()):
        if f"{module}.{name}" in effects:
            yield Problem(index, f"{module}.{name}", "is safe and has effects", "take it out of one", f'"{name}"')
    default = described.get("default", SAFE)
    if default == SAFE and "default_access" in described:
        yield Problem(index, module, "a safe default has no access", "remove default_access", "default_access")
    if default != SAFE and "default_access" not in described:
        yield Problem(index, module, f"the default {default} has no access", "add default_access", "default")


def _repetitions(index: int, described: Described) -> Iterator[Problem]:
    module = described["module"]
    for name, effects in effects_of(described):
        repeated = [effect for effect, count in Counter(effects).items() if count > 1]
        if repeated:
            needle = f'"{name.rpartition(".")[2]}"'
            yield Problem(index, name, "lists the same effect twice", "remove one", needle)
    for name, count in Counter(described.get("safe", ())).items():
        if count > 1:
            yield Problem(index, f"{module}.{name}", "is listed as safe twice", "remove one", f'"{name}"')


def _targets(index: int, described: Described, table: dict[str, Any]) -> Iterator[Problem]:
    name = next(iter(names_of(described["module"], table)))
    needle = f'"{table["names"][0]}"'
    target = table.get("target")
    told = "argument" in table or table.get("receiver", False)
    if target in NAMED_TARGETS and not told:
        yield Problem(index, name, f"a target of kind {target} needs an argument", "add argument = [0]", needle)
    if target is None and "argument" in table:
        yield Problem(index, name, "an argument needs a kind of target", 'add target = "url" or the like', needle)
    if ("only" in table or "unless" in table or "given" in table) and not told:
        yield Problem(index, name, "given, only and unless look at the target's text", "add argument = [0]", needle)
    if "fallback" in table and target is None:
        yield Problem(index, name, "a fallback stands in for a target", 'add target = "url" or the like', needle)


def _aliases(libraries: Sequence[Described]) -> Iterator[Problem]:
    aliases: dict[str, str] = {}
    for index, described in enumerate(libraries):
        for name, target in aliases_of(described).items():
            if name in aliases and aliases[name] != target:
                yield Problem(index, name, f"has two aliases, {aliases[name]} and {target}", "keep one", f'"{target}"')
            aliases.setdefault(name, target)
    for index, described in enumerate(libraries):
        for name in aliases_of(described):
            if not _ends(name, aliases):
                yield Problem(index, name, "its alias leads round in a circle, or too far", "shorten it", f'"{name}"')


def _ends(name: str, aliases: dict[str, str]) -> bool:
    path = name
    for _ in range(MAX_HOPS):
        prefix = _longest(path, aliases)
        if prefix is None:
            return True
        path = aliases[prefix] + path[len(prefix) :]
    return _longest(path, aliases) is None


def _longest(path: str, aliases: dict[str, str]) -> str | None:
    cuts = [len(path), *(at for at in range(len(path) - 1, 0, -1) if path[at] in ".(")]
    return next((path[:cut] for cut in cuts if path[:cut] in aliases), None)


def unresolved(libraries: Sequence[Described]) -> Iterator[Problem]:
    """Iterate over ``returns`` and aliases that lead to nothing the map speaks of. Needs the whole map."""
    roots = {described["module"] for described in libraries}
    names = {name for described in libraries for name in spoken_of(described)}
    spoken = names.union(*(owners(name) for name in names))
    capable = {d["module"] for d in libraries if d.get("default", SAFE) != SAFE}
    for index, described in enumerate(libraries):
        for name, results in returns_of(described):
            for result in results:
                if not _leads(result, roots, spoken, capable):
                    yield Problem(index, name, f"returns {result}, of which nothing is said", "list its methods")


def _leads(result: str, roots: set[str], spoken: set[str], capable: set[str]) -> bool:
    if result in spoken or result.startswith("builtins."):
        return True
    root = result.partition("(")[0]
    while root:
        if root in roots:
            return root in capable
        root = root.rpartition(".")[0]
    return False
