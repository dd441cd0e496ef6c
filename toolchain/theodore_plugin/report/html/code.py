"""Code on the page: the lines around a place, numbered, with what is meant underlined."""

from __future__ import annotations

from collections.abc import Mapping

from theodore_plugin.finding import Location
from theodore_plugin.report.frame import Excerpt, excerpt, line_at, means_the_file
from theodore_plugin.report.html.markup import Html, element, joined, text

AROUND = 2
"""Lines shown before and after."""
MAX_MARKED_LINES = 8
MAX_LINE = 200
MAX_DEDENT = 40
_LIMIT = 1000


def frame(location: Location, sources: Mapping[str, bytes]) -> Html | None:
    """Return the lines around ``location``; nothing where the text is not at hand, or the whole file is meant."""
    if means_the_file(location) or not line_at(location.path, location.line, sources).strip():
        return None
    last = min(max(location.line, location.end_line or 0), location.line + MAX_MARKED_LINES - 1)
    numbers = range(max(1, location.line - AROUND), last + AROUND + 1)
    lines = [(number, line_at(location.path, number, sources)) for number in numbers]
    while lines and not lines[-1][1].strip():
        lines.pop()
    while not lines[0][1].strip():
        del lines[0]
    indent = min(_indent(line) for _number, line in lines if line.strip())
    rows = [_row(number, line, location, last, min(indent, MAX_DEDENT)) for number, line in lines]
    return element("div", rows, class_="frame", role="group", aria_label=f"Code at line {location.line}")


def one_line(location: Location, sources: Mapping[str, bytes]) -> Html | None:
    """Return the text of the place's first line, underlined, without its indentation."""
    line = line_at(location.path, location.line, sources)
    if not line.strip():
        return None
    part = excerpt(line, location)
    if location.end_line is None:
        return element("code", text(line.strip()[:MAX_LINE]), class_="line")
    return element("code", _marked(Excerpt(part.before.lstrip(), part.marked, part.after)), class_="line")


def _row(number: int, line: str, location: Location, last: int, indent: int) -> Html:
    hit = location.line <= number <= last
    content = _marked(_dedented(_part(number, line, location, last), indent)) if hit else _context(line[indent:])
    return element(
        "div",
        element("span", str(number), class_="number"),
        element("code", content),
        class_="row hit" if hit else "row",
    )


def _context(line: str) -> Html:
    return text(line[:MAX_LINE] + "…" if len(line) > MAX_LINE else line)


def _part(number: int, line: str, location: Location, last: int) -> Excerpt:
    """Return what is underlined on one of the lines of a place."""
    if number == location.line:
        return excerpt(line, location)
    indent = len(line) - len(line.lstrip())
    end = location.end_column - 1 if number == location.end_line and location.end_column else len(line)
    if number == last and number != location.end_line:
        end = len(line)
    return excerpt(line, Location(location.path, number, indent + 1, number, max(end, indent) + 1))


def _dedented(part: Excerpt, indent: int) -> Excerpt:
    """Leave out indentation that all lines shown have; a place inside it keeps the line as it is."""
    if part.before[:indent].isspace():
        return Excerpt(part.before[indent:], part.marked, part.after)
    return part


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _marked(part: Excerpt) -> Html:
    marked = element("mark", text(part.marked, limit=_LIMIT)) if part.marked else None
    return joined(text(part.before, limit=_LIMIT), marked, text(part.after, limit=_LIMIT))
