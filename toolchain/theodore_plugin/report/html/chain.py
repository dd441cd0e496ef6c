"""Call chains, drawn: a line from where the host calls in to where something is reached, a dot for each hop.

Chains that begin alike are drawn once and branch where they part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from theodore_plugin.finding import Step
from theodore_plugin.report.html.code import one_line
from theodore_plugin.report.html.context import place, prose
from theodore_plugin.report.html.markup import Html, element

MAX_STEPS = 24
"""Hops of one chain; the middle of a longer one is left out."""
MAX_LABEL = 300


@dataclass(slots=True)
class _Node:
    """A hop and what follows it."""

    step: Step
    next: dict[Step, _Node] = field(default_factory=dict)


def chain(steps: Sequence[Step], sources: Mapping[str, bytes]) -> Html:
    """Draw one chain."""
    return chains([steps], sources)


def chains(several: Iterable[Sequence[Step]], sources: Mapping[str, bytes]) -> Html:
    """Draw several chains, merged where they begin alike."""
    roots: dict[Step, _Node] = {}
    for steps in several:
        level = roots
        for step in _bounded(steps):
            level = level.setdefault(step, _Node(step)).next
    return _drawn(list(roots.values()), sources)


def _bounded(steps: Sequence[Step]) -> Sequence[Step]:
    left = len(steps) - MAX_STEPS
    if left <= 0:
        return steps
    half = MAX_STEPS // 2
    gap = Step(f"… {left + 1} more hops …", steps[half].location)
    return [*steps[:half], gap, *steps[-half + 1 :]]


def _drawn(nodes: Sequence[_Node], sources: Mapping[str, bytes]) -> Html:
    """Draw a run of hops as one list; where the way parts, the branches are lists inside its last hop."""
    if len(nodes) > 1:
        branches = [element("li", _drawn([node], sources), class_="branch") for node in nodes]
        return element("ul", branches, class_="branches")
    items, level = [], list(nodes)
    while len(level) == 1:
        node = level[0]
        level = list(node.next.values())
        items.append(_hop(node.step, sources, below=_drawn(level, sources) if len(level) > 1 else None, last=not level))
    return element("ol", items, class_="chain")


def _hop(step: Step, sources: Mapping[str, bytes], *, below: Html | None, last: bool) -> Html:
    return element(
        "li",
        element("span", prose(step.label[:MAX_LABEL]), class_="label"),
        " ",
        place(step.location),
        one_line(step.location, sources),
        below,
        class_="act" if last else None,
    )


UNKNOWN_TARGET = element("span", "which one is not known", class_="quiet")
"""Stands where a target could not be read off the source."""
