"""A survey for people: what the package can do, phase by phase, with the places that show it.

::

    requests 2.34.2  installed, 19 files, 6,404 lines

    when called
      network
        connect  pypi.org:443   proven    2 sites  requests/api.py:12
                 *              resolved  9 sites  requests/adapters.py:644

    cannot be known
      2  exec can do anything  requests/x.py:12

Everything a stranger wrote passes :func:`visible` before it is printed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from theodore_plugin.inference.model import Certainty, Phase, Unknown
from theodore_plugin.report.visible import visible
from theodore_plugin.survey.model import PHASES, Kind, Row, Survey

HEADINGS = {
    Phase.IMPORT: ("while it is imported", "bold yellow"),
    Phase.CALL: ("when it is called", "bold"),
    Phase.UNREACHED: ("in code that nothing here reaches", "bold"),
}
CERTAINTY_STYLES = {Certainty.PROVEN: "green", Certainty.RESOLVED: "cyan", Certainty.HELD: "blue"}
ANY_TARGET = "*"
MAX_UNKNOWN_REASONS = 20
MAX_TARGET_WIDTH = 44
MAX_REASON_WIDTH = 52
_KINDS = {
    Kind.SOURCE: "source",
    Kind.WHEEL: "wheel",
    Kind.ARCHIVE: "source archive",
    Kind.INSTALLED: "installed",
}


def permission_lines(survey: Survey, width: int) -> Iterator[Text]:
    """Yield the whole answer line by line; what does not fit into ``width`` columns continues on the next line."""
    yield _title(survey)
    for phase in PHASES:
        rows = [row for row in survey.rows if row.phase is phase]
        if rows:
            yield Text()
            yield from _phase(phase, rows, width)
    if not survey.rows:
        yield Text()
        yield Text("no permission inferred", "bold green" if not survey.unknown and survey.complete else "bold")
    yield from _asides(survey)
    yield from _unknown(survey, width)
    yield from _declared(survey)
    yield Text()
    yield _account(survey)


def target_of(row: Row) -> str:
    """How a row's target is written; an open one is ``*``."""
    return visible(row.target) if row.target is not None else ANY_TARGET


def plural(count: int, noun: str) -> str:
    """Return ``1 site``, ``2 sites``, ``1,204 calls``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _title(survey: Survey) -> Text:
    package = survey.package
    about = f"  {_KINDS[package.kind]}, {plural(survey.analysed, 'file')}, {plural(survey.lines, 'line')}"
    return Text.assemble((visible(str(package)), "bold"), (about, "dim"))


@dataclass(frozen=True, slots=True)
class _Widths:
    """Columns that line up within one phase."""

    access: int
    target: int
    sites: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Widths:
        return cls(
            max(len(row.access) for row in rows),
            min(max(cell_len(target_of(row)) for row in rows), MAX_TARGET_WIDTH),
            max(len(plural(len(row.sites), "site")) for row in rows),
        )


def _phase(phase: Phase, rows: Sequence[Row], width: int) -> Iterator[Text]:
    title, style = HEADINGS[phase]
    yield Text(title, style)
    widths = _Widths.of(rows)
    for permission, of_type in groupby(rows, key=lambda row: row.type):
        yield Text(f"  {visible(permission)}", "bold cyan")
        said = ""
        for row in of_type:
            yield from _row(row, widths, width, show_access=row.access != said)
            said = row.access


def _row(row: Row, widths: _Widths, width: int, *, show_access: bool) -> Iterator[Text]:
    target = target_of(row)
    line = Text.assemble(
        f"    {row.access if show_access else '':{widths.access}}  ",
        (target, "bold" if row.target is not None else ""),
        " " * max(0, widths.target - cell_len(target)),
        "  ",
        (f"{row.certainty.value:8}", CERTAINTY_STYLES[row.certainty]),
        f"  {plural(len(row.sites), 'site'):>{widths.sites}}",
    )
    first = row.sites[0].location
    place = Text(_place(first.path, first.line), "dim")
    if row.through is not None:
        place.append(f"  through {visible(row.through)}", "not dim magenta")
    yield from _fitted(line, place, 6 + widths.access, width)


def _fitted(line: Text, more: Text, indent: int, width: int) -> Iterator[Text]:
    """Put two parts on one line, or the second one below the first."""
    if line.cell_len + 2 + more.cell_len <= width:
        yield Text.assemble(line, "  ", more)
    else:
        yield line
        yield Text.assemble(" " * indent, more)


def _asides(survey: Survey) -> Iterator[Text]:
    """Name what runs or lies there besides Python modules."""
    for title, paths in (("start-up hooks", survey.startup_hooks), ("machine code", survey.native)):
        if paths:
            yield Text()
            yield Text(title, "bold yellow")
            yield from (Text(f"  {visible(path)}") for path in paths)


def _unknown(survey: Survey, width: int) -> Iterator[Text]:
    if not survey.unknown:
        return
    yield Text()
    yield Text.assemble(("cannot be known", "bold magenta"), (f"  {plural(len(survey.unknown), 'place')}", "dim"))
    gathered = _by_reason(survey.unknown)
    count_width = max(len(f"{len(places):,}") for _, places in gathered)
    reason_width = min(max(cell_len(reason) for reason, _ in gathered), MAX_REASON_WIDTH)
    for reason, places in gathered[:MAX_UNKNOWN_REASONS]:
        line = Text.assemble((f"  {len(places):>{count_width},}  ", "dim"), reason)
        line.append(" " * max(0, reason_width - cell_len(reason)))
        yield from _fitted(line, Text(places[0], "dim"), 4 + count_width, width)
    left = len(gathered) - MAX_UNKNOWN_REASONS
    if left > 0:
        yield Text(f"  and {plural(left, 'other reason')} (--format json lists them)", "dim")


def _by_reason(unknown: Sequence[Unknown]) -> list[tuple[str, list[str]]]:
    gathered: dict[str, list[str]] = {}
    for item in unknown:
        gathered.setdefault(visible(item.reason), []).append(_place(item.location.path, item.location.line))
    return sorted(gathered.items(), key=lambda pair: (-len(pair[1]), pair[0]))


def _declared(survey: Survey) -> Iterator[Text]:
    if survey.declared is None:
        return
    yield Text()
    yield Text("declared by the plugin", "bold")
    if not survey.declared:
        yield Text("  nothing")
    for permission in survey.declared:
        reason = visible(permission.description)
        yield Text.assemble("  ", (visible(f"{permission.type} {permission.pattern}"), "bold"), f"  {reason}")


def _account(survey: Survey) -> Text:
    unresolved = survey.calls_seen - survey.calls_resolved
    share = 100 * unresolved / survey.calls_seen if survey.calls_seen else 0.0
    parts = [f"{plural(survey.calls_seen, 'call')}, {share:.1f} % unresolved"]
    if survey.followed:
        parts.append(f"followed into {', '.join(f'{item.name} {item.version}' for item in survey.followed)}")
    if survey.skipped:
        parts.append(f"{plural(len(survey.skipped), 'file')} skipped")
    if survey.failed:
        parts.append(f"{plural(len(survey.failed), 'file')} not analysed")
    return Text(visible("; ".join(parts)), "dim" if survey.complete else "magenta")


def _place(path: str, line: int) -> str:
    return visible(f"{path}:{line}")
