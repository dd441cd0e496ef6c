"""What the sections of one project share: the report, how deep its headings are, and ids that do not collide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from theodore_plugin.finding import Finding, Location
from theodore_plugin.report.fingerprint import fingerprints
from theodore_plugin.report.html.markup import Child, Html, element, text
from theodore_plugin.report.model import Report

ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Context:
    """One project on the page. ``prefix`` stands before its ids, ``level`` is that of its section headings."""

    report: Report
    anchors: Mapping[int, str]
    """A finding's id on the page, by ``id()`` of the finding."""
    prefix: str = ""
    level: int = 2

    @classmethod
    def of(cls, report: Report, *, prefix: str = "", level: int = 2) -> Context:
        """Name every finding by its fingerprint, so that a link to it outlives changes elsewhere in the file."""
        everything = [*report.findings, *report.baselined]
        prints = fingerprints(everything, report.sources)
        anchors = {
            id(finding): f"{prefix}finding-{digits[:ID_DIGITS]}"
            for finding, digits in zip(everything, prints, strict=True)
        }
        return cls(report, anchors, prefix, level)

    def anchor(self, finding: Finding) -> str | None:
        """Return the id a finding has on the page."""
        return self.anchors.get(id(finding))

    def heading(self, below: int, *children: Child, **attributes: str | None) -> Html:
        """Return a heading ``below`` levels under the section headings."""
        return element(f"h{min(6, self.level + below)}", *children, **attributes)

    def section(self, name: str, title: str, *children: Child) -> Html:
        """Return one section of the project, reachable as ``#name``."""
        name = f"{self.prefix}{name}"
        heading = self.heading(0, title, id=f"{name}-title")
        return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def place(location: Location) -> Html:
    """Write a place, with points where a narrow page may break it."""
    parts = str(location).split("/")
    return element("code", text(parts[0]), *((element("wbr"), "/", text(part)) for part in parts[1:]), class_="place")


def code(value: str) -> Html:
    """Write a name, a command or a pattern."""
    return element("code", value)


def plural(count: int, noun: str) -> str:
    """Return ``1 finding``, ``1,204 findings``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def prose(value: str) -> Html:
    """Write foreign or own text in which backquotes mark code, as messages and rules have it."""
    pieces = value.split("`")
    if len(pieces) % 2 == 0:
        return text(value)
    return Html("".join(code(piece) if index % 2 else text(piece) for index, piece in enumerate(pieces)))


def table(caption: str, headers: tuple[str, ...], rows: Sequence[tuple[Child, ...]]) -> Html:
    """Return a table that turns into cards on narrow pages; the first cell of a row is its header.

    The roles repeat what the elements say, because laying cells out as blocks makes browsers forget it.
    """
    head = element("tr", [element("th", name, scope="col", role="columnheader") for name in headers], role="row")
    body = [element("tr", _cells(headers, row), role="row") for row in rows]
    return element(
        "table",
        element("caption", caption),
        element("thead", head, role="rowgroup"),
        element("tbody", body, role="rowgroup"),
        role="table",
    )


def _cells(headers: tuple[str, ...], row: tuple[Child, ...]) -> list[Html]:
    first, *others = row
    cells = [element("th", first, scope="row", role="rowheader")]
    cells += [
        element("td", content, role="cell", data_label=name) for name, content in zip(headers[1:], others, strict=True)
    ]
    return cells


def folded(summary: Child, *children: Child, open_: bool = False, **attributes: str | None) -> Html:
    """Return what a reader opens when asked for."""
    return element("details", element("summary", summary), *children, open=open_, **attributes)
