"""The nodes of one file by place, with what encloses them: found once, asked for by every fix."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from theodore_plugin.facts import model as m
from theodore_plugin.facts.model.span import Span


class Nodes:
    """An index over one module's facts."""

    def __init__(self, facts: m.ModuleFacts) -> None:
        self._parents: dict[int, m.Node] = {}
        self._places: dict[Span, list[m.Node]] = {}
        self._all = tuple(m.walk(facts.body))
        for node in self._all:
            self._places.setdefault(node.span, []).append(node)
            for child in m.children(node):
                self._parents[id(child)] = node

    def at(self, span: Span) -> list[m.Node]:
        """Return the nodes at exactly this place, outermost first."""
        return self._places.get(span, [])

    def around(self, span: Span) -> Iterator[m.Node]:
        """Iterate over the nodes that enclose a place, outermost first; those at the place itself are last."""
        here = self.at(span)
        if not here:
            yield from (node for node in self._all if _encloses(node.span, span))
            return
        chain = [here[-1]]
        while id(chain[-1]) in self._parents:
            chain.append(self._parents[id(chain[-1])])
        yield from reversed(chain)

    @cached_property
    def names_read(self) -> frozenset[str]:
        """Every name in the file that is read, bound, or both, imports and definitions left out."""
        return frozenset(node.id for node in self._all if isinstance(node, m.Name))

    @cached_property
    def names_bound(self) -> frozenset[str]:
        """Every name that something in the file binds, in whatever scope."""
        kinds = (m.Function, m.Class, m.Import, m.ImportFrom, m.Parameter)
        found = {node.name for node in self._all if isinstance(node, kinds)}
        for node in self._all:
            if isinstance(node, m.Assign):
                found |= {target.id for target in node.targets if isinstance(target, m.Name)}
        return frozenset(found)


def _encloses(outer: Span, inner: Span) -> bool:
    starts = (outer.line, outer.column) <= (inner.line, inner.column)
    return starts and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
