"""The SDK as an API: what a name or a member of it is worth in one host version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from theodore_plugin.contracts.build import reached
from theodore_plugin.contracts.model import ALWAYS, SDK, Contracts, Life


class Standing(StrEnum):
    """Whether something may be used."""

    PUBLIC = "public"
    INTERNAL = "internal"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name of the SDK: ``module``, a ``name`` in it, and a ``member`` of that; empty where the use stops before."""

    module: str
    name: str = ""
    member: str = ""

    @property
    def key(self) -> str:
        """How the history calls it: ``Name`` or ``Name.member``."""
        return f"{self.name}.{self.member}" if self.member else self.name

    def __str__(self) -> str:
        return ".".join(part for part in (self.module, self.name, self.member) if part)


def symbol_of(path: str, hosts: Sequence[Contracts]) -> Symbol | None:
    """Split a dotted path into module, name and, of exported names, member; ``None`` for what is not the SDK's."""
    parts = path.split(".")
    if parts[0] != SDK:
        return None
    modules = {module for host in hosts for module in host.modules}
    count = max((n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in modules), default=1)
    module = ".".join(parts[:count])
    name, member = [*parts[count:], "", ""][:2]
    known = any(module in host.modules and name in host.modules[module].exports for host in hosts)
    return Symbol(module, name, member if known else "")


def standing(symbol: Symbol, host: Contracts) -> Standing:
    """Return what a symbol is worth in a host."""
    surface = host.modules.get(symbol.module)
    if surface is None:
        return Standing.ABSENT
    if not symbol.name:
        private = any(part.startswith("_") for part in symbol.module.split("."))
        return Standing.INTERNAL if private else Standing.PUBLIC
    if symbol.name in surface.exports or symbol.name == "__all__":
        return _member(symbol, host)
    internal = symbol.name.startswith("_") or symbol.name in surface.internal
    return Standing.INTERNAL if internal else Standing.ABSENT


def _member(symbol: Symbol, host: Contracts) -> Standing:
    """Judge a member of a data type. What base classes and aliases have is left to the comparison of contracts."""
    known = host.types.get(symbol.name)
    member = symbol.member
    if not member or known is None or (member.startswith("__") and member.endswith("__")):
        return Standing.PUBLIC
    if known.kind == "enum" and not member.isupper():
        return Standing.PUBLIC  # methods of str and int
    if member in known.members:
        return Standing.PUBLIC
    return Standing.INTERNAL if member.startswith("_") else Standing.ABSENT


def life(symbol: Symbol, host: Contracts) -> Life:
    """Return what the history says about a symbol; a member shares the fate of its type."""
    return host.lives.get(symbol.key) or host.lives.get(symbol.name) or ALWAYS


def is_deprecated(found: Life, version: str) -> bool:
    """Whether something is deprecated in a host version."""
    return reached(found.deprecated, version)


def near(symbol: Symbol, host: Contracts) -> str | None:
    """Return the public name that was probably meant."""
    surface = host.modules.get(symbol.module)
    if surface is None:
        return next(iter(get_close_matches(symbol.module, host.modules, 1)), None)
    if symbol.member:
        known = host.types.get(symbol.name)
        options = known.members if known is not None else frozenset()
        found = get_close_matches(symbol.member, sorted(options), 1)
        return f"{symbol.name}.{found[0]}" if found else None
    found = get_close_matches(symbol.name, sorted(host.modules[SDK].exports), 1)
    return f"{SDK}.{found[0]}" if found else None
