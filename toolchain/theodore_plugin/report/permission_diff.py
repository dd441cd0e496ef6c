"""The difference of two surveys for people: what is gained, with the chain that shows it, then what is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from theodore_plugin.finding import Step
from theodore_plugin.report.permissions_text import HEADINGS, plural, target_of
from theodore_plugin.report.visible import visible
from theodore_plugin.survey.diff import Difference
from theodore_plugin.survey.model import Row


def difference_lines(difference: Difference) -> Iterator[Text]:
    """Yield the whole comparison line by line; gains carry their evidence."""
    old, new = visible(str(difference.old)), visible(str(difference.new))
    yield Text.assemble((old, "bold"), (" → ", "dim"), (new, "bold"))
    yield from _gained(difference)
    yield from _lost(difference)
    yield Text()
    yield Text(_summary(difference), "bold red" if difference.gains else "bold green")


def _gained(difference: Difference) -> Iterator[Text]:
    for row in difference.gained:
        yield Text()
        yield _row("+", row, "bold red")
        yield from _chain((*row.sites[0].chain, *row.sites[0].within))
        more = len(row.sites) - 1
        if more:
            yield Text(f"    and {plural(more, 'other site')}", "dim")
    for unknown in difference.gained_unknown:
        yield Text()
        yield Text.assemble(("+ ", "bold red"), ("unknown: ", "bold magenta"), visible(unknown.reason))
        yield from _chain(unknown.chain)
    for file in difference.gained_files:
        yield Text()
        yield Text(f"+ {visible(file)}", "bold red")


def _lost(difference: Difference) -> Iterator[Text]:
    if difference.lost or difference.lost_unknown or difference.lost_files:
        yield Text()
    for row in difference.lost:
        yield _row("-", row, "green")
    for unknown in difference.lost_unknown:
        yield Text(f"- unknown: {visible(unknown.reason)}", "green")
    for file in difference.lost_files:
        yield Text(f"- {visible(file)}", "green")


def _row(sign: str, row: Row, style: str) -> Text:
    line = Text.assemble((f"{sign} {row.type} {row.access} {target_of(row)}", style), f"  {row.certainty.value}")
    line.append(f"  {HEADINGS[row.phase][0]}", "dim")
    if row.through is not None:
        line.append(f"  through {visible(row.through)}", "magenta")
    return line


def _chain(chain: Sequence[Step]) -> Iterator[Text]:
    for depth, step in enumerate(chain):
        arm = "    " + "   " * max(0, depth - 1) + ("└─ " if depth else "")
        place = visible(f"{step.location.path}:{step.location.line}")
        yield Text.assemble((arm, "cyan"), visible(step.label), (f"  {place}", "dim"))


def _summary(difference: Difference) -> str:
    gained = len(difference.gained) + len(difference.gained_unknown) + len(difference.gained_files)
    lost = len(difference.lost) + len(difference.lost_unknown) + len(difference.lost_files)
    if not gained and not lost:
        return "no difference"
    return f"{gained:,} gained, {lost:,} lost"
