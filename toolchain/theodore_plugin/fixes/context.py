"""What a fix is computed from: what the rules saw, and the text of the files they saw it in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from theodore_plugin.facts import model as m
from theodore_plugin.facts.names import Foreign, OwnValue
from theodore_plugin.finding import Finding, Location
from theodore_plugin.fixes.model import NoFix
from theodore_plugin.fixes.nodes import Nodes
from theodore_plugin.fixes.source import Source
from theodore_plugin.inference.model import InferredPermission, ResolvedCall
from theodore_plugin.rules.context import RuleContext
from theodore_plugin.rules.sites import Site

N = TypeVar("N", bound=m.Node)
MAX_HOPS = 32


@dataclass(frozen=True)
class Written:
    """A node of the facts with the file it stands in."""

    facts: m.ModuleFacts
    node: m.Expr

    @property
    def location(self) -> Location:
        """Where it is."""
        return self.node.span.at(self.facts.path)


@dataclass(frozen=True)
class FixContext:
    """Everything a fix may look at. Nothing here reads a file or runs code."""

    rules: RuleContext
    _sources: dict[str, Source] = field(default_factory=dict)
    _nodes: dict[str, Nodes] = field(default_factory=dict)

    def source(self, path: str) -> Source:
        """Return the text of a Python file. Raises NoFix if it cannot be decoded."""
        if path not in self._sources:
            file = next((file for file in self.rules.project.files if file.path == path), None)
            if file is None:
                raise NoFix(f"{path} is no Python file of the project")
            self._sources[path] = Source(path, file.data)
        return self._sources[path]

    def facts(self, path: str) -> m.ModuleFacts:
        """Return the facts of a file. Raises NoFix for one that was not analysed."""
        found = self.rules.facts.get(path)
        if found is None:
            raise NoFix(f"{path} was not analysed")
        return found

    def nodes(self, path: str) -> Nodes:
        """Return the index over a file's nodes. Raises NoFix for one that was not analysed."""
        if path not in self._nodes:
            self._nodes[path] = Nodes(self.facts(path))
        return self._nodes[path]

    def node(self, location: Location, kind: type[N]) -> N:
        """Return the node of a kind at exactly this place. Raises NoFix if there is none."""
        for node in self.nodes(location.path).at(span_of(location)):
            if isinstance(node, kind):
                return node
        raise NoFix(f"there is no {kind.__name__.lower()} at {location}")

    def around(self, location: Location, kind: type[N]) -> Iterator[N]:
        """Iterate over the nodes of a kind that enclose a place, outermost first."""
        for node in self.nodes(location.path).around(span_of(location)):
            if isinstance(node, kind):
                yield node

    def call(self, finding: Finding, *names: str) -> tuple[ResolvedCall, str]:
        """Return the resolved call a finding is about, with the one of ``names`` it stands for.

        Raises NoFix where the callee may be something else too: what is right for one may be wrong for the other.
        """
        for call in self._calls.get(finding.location, ()):
            matching = [callee for callee in call.callees if callee in names]
            if matching:
                if len(call.callees) > 1:
                    raise NoFix("the call may be of something else, too")
                return call, matching[0]
        raise NoFix(f"there is no call at {finding.location}")

    @cached_property
    def _calls(self) -> Mapping[Location, list[ResolvedCall]]:
        found: dict[Location, list[ResolvedCall]] = {}
        for call in self.rules.inference.calls:
            found.setdefault(call.location, []).append(call)
        return found

    def permissions_at(self, location: Location) -> list[InferredPermission]:
        """Return what was inferred at a place."""
        return self._permissions.get(location, [])

    @cached_property
    def _permissions(self) -> Mapping[Location, list[InferredPermission]]:
        found: dict[Location, list[InferredPermission]] = {}
        for item in self.rules.inference.permissions:
            found.setdefault(item.location, []).append(item)
        return found

    def module_at(self, location: Location) -> str | None:
        """Return the foreign path of what a method or function is taken from in the call at a place."""
        site = self._sites.get(location)
        callee = site.node.callee if site is not None and isinstance(site.node, m.Call) else None
        if site is None or not isinstance(callee, m.Attribute):
            return None
        return self.rules.sites.path(site, callee.value)

    @cached_property
    def _sites(self) -> Mapping[Location, Site]:
        return {site.location: site for site, _ in self.rules.sites.of(m.Call)}

    def value(self, pointer: str) -> Written:
        """Return the expression that is written for a metadata value, behind the constants that stand for it.

        Raises NoFix if it is not written anywhere as one expression.
        """
        location = self.rules.metadata.locations.get(pointer)
        if location is None:
            raise NoFix(f"{pointer} is not written as one value")
        written = Written(self.facts(location.path), _expression(self, location))
        for _ in range(MAX_HOPS):
            meaning = self.rules.names.resolve_expression(written.facts, written.node)
            if not isinstance(meaning, OwnValue):
                break
            written = Written(meaning.module, meaning.node)
        if isinstance(written.node, m.Name | m.Attribute) and not self._is_foreign(written):
            raise NoFix(f"{pointer} is not written as one value")
        return written

    def item(self, pointer: str) -> tuple[Written, Location]:
        """Return the list that holds a metadata value, and where in it the value stands.

        Raises NoFix unless the list is one plain display.
        """
        whole, _, number = pointer.rpartition("/")
        found = self.sequence(whole)
        items = found.node.items if isinstance(found.node, m.Sequence) else ()
        return found, items[int(number)].span.at(found.facts.path)

    def sequence(self, pointer: str) -> Written:
        """Return the display that a list of the metadata is written as. Raises NoFix if it is put together."""
        found = self.value(pointer)
        if not isinstance(found.node, m.Sequence) or any(isinstance(item, m.Starred) for item in found.node.items):
            raise NoFix(f"{pointer} is put together from several parts")
        return found

    def number_at(self, pointer: str, location: Location) -> int:
        """Return which item of a list of the metadata a finding at ``location`` is about."""
        found = self.sequence(pointer)
        items = found.node.items if isinstance(found.node, m.Sequence) else ()
        for number in range(len(items)):
            if self.rules.where(f"{pointer}/{number}") == location:
                return number
        raise NoFix(f"{location} is no item of {pointer}")

    def _is_foreign(self, written: Written) -> bool:
        return isinstance(self.rules.names.resolve_expression(written.facts, written.node), Foreign)


def span_of(location: Location) -> m.Span:
    """Return the span of a location; one without an end is a single point."""
    end = location.end_line or location.line, location.end_column or location.column
    return m.Span(location.line, location.column - 1, end[0], end[1] - 1)


def _expression(context: FixContext, location: Location) -> m.Expr:
    for node in context.nodes(location.path).at(span_of(location)):
        if not isinstance(node, _NO_EXPRESSION):
            return node  # type: ignore[return-value]  # everything else in the model is an expression
    raise NoFix(f"there is no expression at {location}")


_NO_EXPRESSION = (
    m.Argument,
    m.Parameter,
    m.Handler,
    m.MatchCase,
    m.Assign,
    m.ExprStatement,
    m.Return,
    m.Function,
    m.Class,
    m.Import,
    m.ImportFrom,
)
