"""What inference answers: permissions with their evidence, and explicit unknowns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Location, Step
from theodore_sdk.info import PermissionType


class Phase(StrEnum):
    """When the code runs: while being imported, when the host calls, or from nowhere that could be seen."""

    IMPORT = "import"
    CALL = "call"
    UNREACHED = "unreached"
    """Present in the plugin but reached from no entry point; it counts all the same."""


class Certainty(StrEnum):
    """How well a permission is established."""

    PROVEN = "proven"
    """A resolved chain and a constant target."""
    RESOLVED = "resolved"
    """A resolved chain; the target is a pattern or open."""
    HELD = "held"
    """A reference is held (passed on, stored), no call was seen."""


@dataclass(frozen=True, slots=True)
class InferredPermission:
    """One place where the code exercises, or could exercise, a permission."""

    permission: PermissionType
    access: str
    """``connect``, ``listen``, ``read``, ``write``, ``run``, ``set``, ``import`` …; finer than a declaration."""
    target: str | None
    """A pattern in the grammar of the permission's type, or ``None`` when nothing is known about it."""
    confidence: Certainty
    chain: tuple[Step, ...]
    """Entry point first, the act itself last; never empty."""
    phase: Phase
    symbol: str
    """The capability map's name for what is used: ``httpx.AsyncClient().get``."""
    acts: bool = True
    """False for holding something (a client object, a reference) without using it there."""
    through: str | None = None
    """Normalised name of the dependency whose interface is used; ``None`` for builtins and the standard library."""
    within: tuple[Step, ...] = ()
    """How the act comes about inside a dependency that was followed; empty where the map describes what is used."""
    handed: bool = False
    """While importing, only if a library calls at once what it is given by a decorator; most keep it for later."""

    @property
    def location(self) -> Location:
        """Where the act itself is written."""
        return self.chain[-1].location


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could do anything, and where; it lowers the strength of every answer."""

    reason: str
    chain: tuple[Step, ...]

    @property
    def location(self) -> Location:
        """Where the unknown is written."""
        return self.chain[-1].location


@dataclass(frozen=True, slots=True)
class ResolvedCall:
    """A call of something outside the plugin, by its resolved names."""

    path: str
    """The file it is in."""
    node: m.Call
    callees: tuple[str, ...]
    """Every foreign name the callee may stand for, canonical and sorted."""
    function: str
    """Qualified name of the function it is in; ``module`` alone for import time."""
    is_async: bool
    """Whether the call runs directly inside an ``async def``."""
    texts: tuple[tuple[str, ...], ...]
    """Per argument, the string patterns it may hold (``{*}`` marks a hole); empty when unknown."""
    origins: tuple[tuple[str, ...], ...] = ()
    """Per argument, the foreign names it may stand for, itself or inside a container: ``zlib.decompress()``."""
    receiver: tuple[str, ...] = ()
    """String patterns the object of a method call may hold: the path in ``Path("x").write_text()``."""

    @property
    def location(self) -> Location:
        """Where the call is."""
        return self.node.span.at(self.path)

    def argument(self, position: int | None, keyword: str | None) -> m.Expr | None:
        """Return the expression passed for a parameter, by position or keyword."""
        found = self.argument_index(position, keyword)
        return None if found is None else self.node.arguments[found].value

    def argument_index(self, position: int | None, keyword: str | None) -> int | None:
        """Return which argument is passed for a parameter."""
        for index, argument in enumerate(self.node.arguments):
            if keyword is not None and argument.keyword == keyword:
                return index
            if argument.keyword is None and index == position:
                return index
        return None


@dataclass(frozen=True, slots=True)
class Inference:
    """Everything inferred about one project, in a deterministic order."""

    permissions: tuple[InferredPermission, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    calls: tuple[ResolvedCall, ...] = ()
    calls_seen: int = 0
    calls_resolved: int = 0
    """Calls whose callee resolved to something, out of ``calls_seen``."""

    def calls_of(self, *names: str) -> Iterator[tuple[ResolvedCall, str]]:
        """Iterate over calls of any of the named foreign things, with the name that matched."""
        wanted = set(names)
        for call in self.calls:
            for callee in call.callees:
                if callee in wanted:
                    yield call, callee
                    break
