"""Places and texts as SARIF wants them: relative percent-encoded URIs, regions in code points, escaped messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from theodore_plugin.finding import Finding, Location, Step
from theodore_plugin.report.model import Report
from theodore_plugin.report.repository import in_repository
from theodore_plugin.report.visible import visible

ROOT = "SRCROOT"
MAX_TEXT = 8_000

Values = dict[str, Any]

_LINE_END = re.compile(r"\r\n|\r|\n")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class Places:
    """Turns places of one report into SARIF objects."""

    locate: Callable[[str], str]
    """From the project's root to the repository's."""
    lines: Mapping[str, Sequence[str]]
    """The files that are pointed into and whose text is at hand."""

    @classmethod
    def of(cls, report: Report, findings: Iterable[Finding]) -> Places:
        """Read the files that ``findings`` point into."""
        named = {place.path for finding in findings for place in (finding.location, *_steps(finding))}
        known = sorted(named & set(report.sources))
        return cls(in_repository(report), {path: _lines(report.sources[path]) for path in known})

    def location(self, place: Location) -> Values:
        """Return a ``location`` object."""
        return {"physicalLocation": {"artifactLocation": self.artifact(place.path), "region": self.region(place)}}

    def artifact(self, path: str) -> Values:
        """Return an ``artifactLocation`` object; a file name that is not UTF-8 keeps its bytes, percent-encoded."""
        return {"uri": quote(_octets(self.locate(path)), safe="/"), "uriBaseId": ROOT}

    def code_flow(self, steps: Sequence[Step]) -> Values:
        """Return an evidence chain as a ``codeFlow`` of one thread."""
        flow = [
            {"location": self.location(step.location) | {"message": {"text": message_text(step.label)}}}
            for step in steps
        ]
        return {"threadFlows": [{"locations": flow}]}

    def region(self, place: Location) -> Values:
        """Return a ``region`` object; columns are drawn back to the line's end, ends to after their beginning."""
        region = {"startLine": place.line, "startColumn": self._column(place.path, place.line, place.column)}
        if place.end_column is None:
            return region
        end_line = max(place.line, place.end_line or place.line)
        end_column = self._column(place.path, end_line, place.end_column)
        if end_line == place.line:
            end_column = max(end_column, region["startColumn"])
        return region | {"endLine": end_line, "endColumn": end_column}

    def _column(self, path: str, line: int, column: int) -> int:
        lines = self.lines.get(path, ())
        return min(column, len(lines[line - 1]) + 1) if line <= len(lines) else column


def message_text(text: str) -> str:
    """Return text for a ``message``: nothing in it is a link, a placeholder, or a character that is not shown."""
    shown = visible(text, keep_newlines=True)
    if len(shown) > MAX_TEXT:
        shown = f"{shown[: MAX_TEXT - 1]}…"
    shown = shown.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return _PLACEHOLDER.sub(r"{{\1}}", shown)


def _steps(finding: Finding) -> list[Location]:
    return [step.location for step in finding.evidence]


def _lines(data: bytes) -> list[str]:
    """Split as the interpreter counts lines; a byte order mark is no column."""
    return _LINE_END.split(data.decode("utf-8", "replace").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"))


def _octets(path: str) -> bytes:
    """Return the bytes of a file name; a scanner's answer can name one that no file can have."""
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return path.encode("utf-8", "surrogatepass")
