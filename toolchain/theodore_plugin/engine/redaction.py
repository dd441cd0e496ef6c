"""A report about a secret does not hold the secret: it is masked once, before any renderer sees the report.

Where a finding says that a secret stands, every character of it becomes ``*`` in the source lines that reports show,
so columns stay where they were. What is long enough to be unmistakable is masked wherever else it stands: in other
lines and files, and in what findings say (a type checker quotes literals, a chain of calls quotes arguments).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from theodore_plugin.finding import Finding, Location
from theodore_plugin.project import PluginProject
from theodore_plugin.project.texts import decoded

Record = TypeVar("Record", bound=Any)
"""Any dataclass of the report."""
SECRETS = frozenset({"hardcoded-secret"})
UNMISTAKABLE = 12
"""Characters from which on a secret is masked wherever it stands; a shorter one may be an ordinary word."""
_SECRET_TOOL = "secrets"  # noqa: S105 - a scanner, not a password
_LITERAL = re.compile(r"(?P<quote>\"\"\"|'''|\"|')(?P<value>.*?)(?P=quote)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Masked:
    """Findings and sources without the secrets they are about."""

    findings: tuple[Finding, ...]
    sources: Mapping[str, bytes]
    mask: Mask

    def records(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        """Return other parts of a report without the secrets: reasons, descriptions, calls."""
        return tuple(self.mask.record(record) for record in records) if self.mask else records


def masked(findings: Sequence[Finding], project: PluginProject) -> Masked:
    """Return the findings and the sources reports may show: all Python files, and texts that a finding points into."""
    named = {finding.location.path for finding in findings}
    sources = {file.path: file.data for file in project.files}
    sources |= {text.path: decoded(text.data).encode() for text in project.texts if text.path in named}
    places = [finding for finding in findings if is_about_a_secret(finding) and finding.location.path in sources]
    if not places:
        return Masked(tuple(findings), sources, Mask(()))
    texts = {path: sources[path].decode("utf-8", "replace") for path in {one.location.path for one in places}}
    values: set[str] = set()
    for path, text in texts.items():
        spans = [span for one in places if one.location.path == path for span in _spans(one, text)]
        values |= {line for start, end in spans for line in text[start:end].split("\n") if _is_unmistakable(line)}
        texts[path] = _without(text, spans)
    sources |= {path: text.encode("utf-8") for path, text in texts.items()}
    mask = Mask(values)
    return Masked(*_everywhere(findings, sources, mask), mask)


def is_about_a_secret(finding: Finding) -> bool:
    """Whether what a finding points at is a secret."""
    return finding.rule in SECRETS or finding.source == _SECRET_TOOL


def _is_unmistakable(line: str) -> bool:
    return len(line) >= UNMISTAKABLE and not line.startswith("-----")  # the first and last line of every key


class Mask:
    """Replaces values by stars, the longest first."""

    def __init__(self, values: Iterable[str]) -> None:
        ordered = sorted({value.strip() for value in values}, key=lambda value: (-len(value), value))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def record(self, record: Record) -> Record:
        """Return a record without the values in any of its texts; places stay what they are."""
        changed = {field.name: self._value(getattr(record, field.name)) for field in fields(record)}
        return replace(record, **changed)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value) if type(value) is str else value
        if isinstance(value, tuple):
            return tuple(self._value(item) for item in value)
        if isinstance(value, Location | type) or not is_dataclass(value):
            return value
        return self.record(value)

    def text(self, text: str) -> str:
        """Return a text without the values."""
        return self._pattern.sub(lambda match: "*" * len(match.group()), text) if self._pattern else text

    def data(self, data: bytes) -> bytes:
        """Return a file without the values; one that holds none stays as it is."""
        text = data.decode("utf-8", "replace")
        changed = self.text(text)
        return data if changed == text else changed.encode("utf-8")

    def finding(self, finding: Finding) -> Finding:
        """Return a finding that does not say the values."""
        evidence = tuple(replace(step, label=self.text(step.label)) for step in finding.evidence)
        changed = replace(
            finding,
            message=self.text(finding.message),
            help=None if finding.help is None else self.text(finding.help),
            subject=None if finding.subject is None else self.text(finding.subject),
            evidence=evidence,
        )
        return finding if changed == finding else changed


def _everywhere(
    findings: Sequence[Finding], sources: Mapping[str, bytes], mask: Mask
) -> tuple[tuple[Finding, ...], Mapping[str, bytes]]:
    return (
        tuple(mask.finding(finding) for finding in findings),
        {path: mask.data(data) for path, data in sources.items()},
    )


def _spans(finding: Finding, text: str) -> Iterator[tuple[int, int]]:
    """Yield what to mask: the literals where a finding points at code, all of it where it points at the secret."""
    start, end = _range(finding.location, text)
    here = text[start:end]
    literals = [match.span("value") for match in _LITERAL.finditer(here)]
    if literals and (finding.source != _SECRET_TOOL or here[:1] in {'"', "'"}):
        yield from ((start + first, start + last) for first, last in literals)
    else:
        yield start, end


def _range(location: Location, text: str) -> tuple[int, int]:
    """Return offsets of a location; one that says no end goes to the end of its line."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    if location.line > len(starts):
        return len(text), len(text)
    start = starts[location.line - 1] + location.column - 1
    last = location.end_line or location.line
    if location.end_column is not None and last <= len(starts):
        return start, max(start, min(starts[last - 1] + location.end_column - 1, len(text)))
    end = text.find("\n", start)
    return start, len(text) if end < 0 else end


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    for start, end in spans:
        stars = "".join(character if character == "\n" else "*" for character in text[start:end])
        text = text[:start] + stars + text[end:]
    return text
