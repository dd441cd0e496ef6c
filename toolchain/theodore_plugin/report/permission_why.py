"""Why a permission was inferred: every distinct chain from an entry point to the act, drawn as trees.

Chains that begin alike share their beginning, so what many calls have in common is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from rich.text import Text
from rich.tree import Tree

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.finding import Step
from theodore_plugin.report.permissions_text import CERTAINTY_STYLES, HEADINGS, plural, target_of
from theodore_plugin.report.visible import visible
from theodore_plugin.survey.model import Row, Survey
from theodore_sdk.info import PermissionType

MAX_CHAINS = 50
"""Per row; beyond that a tree explains nothing."""


@dataclass(frozen=True, slots=True)
class Question:
    """What ``--why`` asks: a permission, and optionally an access, a target or a dependency."""

    type: str
    detail: str | None = None

    @classmethod
    def parse(cls, text: str) -> Question:
        """Read ``network``, ``network:connect``, ``network:api.example.org:443`` or ``network:urllib3``.

        Raises ConfigurationProblem for what is no permission.
        """
        kind, _, detail = text.partition(":")
        known = [permission.value for permission in PermissionType]
        if kind not in known:
            close = get_close_matches(kind, known, n=1)
            nearest = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigurationProblem(f"no permission is called {kind!r}{nearest}", help=f"known: {', '.join(known)}")
        return cls(kind, detail or None)

    def asks_about(self, row: Row) -> bool:
        """Whether a row is part of the answer."""
        if row.type != self.type:
            return False
        return self.detail is None or self.detail in {row.access, target_of(row), row.through}


def why_trees(survey: Survey, question: Question) -> Iterator[Tree | Text]:
    """Yield one tree per row asked about, or a line that says there is none."""
    rows = [row for row in survey.rows if question.asks_about(row)]
    for row in rows:
        yield _tree(row)
    if not rows:
        asked = question.type if question.detail is None else f"{question.type}:{question.detail}"
        yield Text(f"{visible(str(survey.package))}: nothing inferred for {visible(asked)}")


def _tree(row: Row) -> Tree:
    tree = Tree(_heading(row), guide_style="cyan", highlight=False)
    ways = {(site.chain, site.within) for site in row.sites}
    chains = sorted(ways, key=lambda way: [_order(step) for step in (*way[0], *way[1])])
    root = _Branch(tree, {})
    for chain, within in chains[:MAX_CHAINS]:
        root.grow(chain, within)
    if len(chains) > MAX_CHAINS:
        tree.add(Text(f"and {plural(len(chains) - MAX_CHAINS, 'other chain')} (--format json lists them)", "dim"))
    return tree


def _heading(row: Row) -> Text:
    title, _ = HEADINGS[row.phase]
    heading = Text.assemble(
        (f"{row.type} ", "bold cyan"),
        (f"{row.access} {target_of(row)}", "bold"),
        "  ",
        (row.certainty.value, CERTAINTY_STYLES[row.certainty]),
        (f"  {title}", "dim"),
    )
    if row.through is not None:
        heading.append(f"  through {visible(row.through)}", "magenta")
    return heading


@dataclass(frozen=True, slots=True)
class _Branch:
    """A drawn node and what already grows from it."""

    node: Tree
    children: dict[Step, _Branch]

    def grow(self, chain: Sequence[Step], within: Sequence[Step]) -> None:
        """Add a chain and how it goes on inside a dependency, sharing the nodes it begins with."""
        branch = self
        for step in (*chain, *within):
            if step not in branch.children:
                style = "magenta" if step in within else "bold" if step is chain[-1] else ""
                branch.children[step] = _Branch(branch.node.add(_step(step, style)), {})
            branch = branch.children[step]


def _step(step: Step, style: str) -> Text:
    place = f"{step.location.path}:{step.location.line}"
    return Text.assemble((visible(step.label), style), "  ", (visible(place), "dim"), overflow="fold")


def _order(step: Step) -> tuple[str, int, int, str]:
    return (step.location.path, step.location.line, step.location.column, step.label)
