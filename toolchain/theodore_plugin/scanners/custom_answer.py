"""A tool's JSON as findings. The tool is a stranger's program: whatever is odd about its answer makes it no answer.

Wrong types, files it was not given, lines that do not exist, ids that no policy could name: each raises
:class:`Unusable`, and the scanner counts as failed, because what else it said cannot be relied on either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.scanners.custom_definition import Definition, Judged
from theodore_plugin.scanners.custom_paths import Item, JsonPath, NotThere

MAX_RESULTS = 10_000
MAX_MESSAGE = 1_000
MAX_COLUMN = 1_000_000
NO_RULE = "none"
"""The id of a result that has none (null)."""
_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Lines = Mapping[str, int]
"""How many lines each file the tool was given has."""


class Unusable(Exception):
    """The answer is not one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the tool found, and the files it says it could not look at."""

    findings: tuple[Finding, ...]
    unanalysed: Mapping[str, str]


def read_answer(
    output: bytes, definition: Definition, lines: Lines, project_path: Callable[[str], str | None]
) -> Answer:
    """Read the tool's output; ``project_path`` translates the paths it prints."""
    findings: list[Finding] = []
    unanalysed: dict[str, str] = {}
    for number, item in enumerate(_items(output, definition), start=1):
        if number > MAX_RESULTS:
            raise Unusable(f"more than {MAX_RESULTS:,} results")
        try:
            finding = _finding(item, definition, lines, project_path)
        except (Unusable, NotThere) as problem:
            raise Unusable(f"result {number}: {problem}") from None
        if finding.rule.partition("/")[2] in definition.results.unanalysed:
            unanalysed.setdefault(finding.location.path, finding.message)
        else:
            findings.append(finding)
    return Answer(tuple(findings), unanalysed)


def _items(output: bytes, definition: Definition) -> Iterator[Item]:
    results = definition.results
    try:
        text = output.decode("utf-8")
        if results.json_lines:
            documents = [json.loads(line) for line in text.splitlines() if line.strip()]
            yield from (
                item
                for document in documents
                for item in ([Item(document)] if not results.list.parts else results.list.items(document))
            )
        else:
            yield from results.list.items(json.loads(text))
    except NotThere as problem:
        raise Unusable(f"it does not look as the definition says: {problem}") from None
    except (ValueError, RecursionError):
        raise Unusable("it is not JSON") from None


def _finding(item: Item, definition: Definition, lines: Lines, project_path: Callable[[str], str | None]) -> Finding:
    results = definition.results
    path = _path(item, results.file, project_path)
    severity = _judged(item, results.severity, [level.value for level in Severity if level is not Severity.INCOMPLETE])
    confidence = _judged(item, results.confidence, [level.value for level in Confidence])
    rule = _rule(item, results.rule)
    helps = (_text(item, results.help) if results.help else "") or _documented(definition, rule)
    return Finding(
        rule=f"{definition.name}/{rule}",
        severity=Severity(severity),
        confidence=Confidence(confidence),
        location=_location(item, definition, path, lines),
        message=_text(item, results.message) or "no message",
        help=helps or None,
        source=definition.name,
    )


def _path(item: Item, where: JsonPath, project_path: Callable[[str], str | None]) -> str:
    said = where.value(item)
    if not isinstance(said, str) or "\0" in said:
        raise Unusable(f"its file is {_shown(said)}")
    path = project_path(said)
    if path is None:
        raise Unusable(f"it names a file it was not given, {_shown(said)}")
    return path


def _rule(item: Item, where: JsonPath) -> str:
    said = where.value(item)
    name = NO_RULE if said is None else str(said) if isinstance(said, str | int) else ""
    if not _RULE.fullmatch(name):
        raise Unusable(f"the id of its rule is {_shown(said)}")
    return name


def _documented(definition: Definition, rule: str) -> str:
    address = definition.documentation.replace("{rule}", rule)
    return f"see {address}" if address else ""


def _text(item: Item, where: JsonPath) -> str:
    try:
        said = where.value(item)
    except NotThere:
        said = None
    if said is not None and not isinstance(said, str):
        raise Unusable(f"a text is {_shown(said)}")
    text = " ".join((said or "").split())
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1]}…"


def _location(item: Item, definition: Definition, path: str, lines: Lines) -> Location:
    results, last = definition.results, lines[path] + 1  # some tools point behind the last line
    line = _number(item, results.line, results.first_line, last, "line") or 1
    column = _number(item, results.column, results.first_column, MAX_COLUMN, "column") or 1
    end_line = _number(item, results.end_line, results.first_line, last, "end line")
    end_column = _number(item, results.end_column, results.first_column, MAX_COLUMN, "end column")
    if end_line is None or end_column is None or (end_line, end_column) < (line, column):
        return Location(path, line, column)
    return Location(path, line, column, end_line, end_column)


def _number(item: Item, where: JsonPath | None, first: int, most: int, what: str) -> int | None:
    """Return a number that counts from 1, or ``None`` if the tool says none."""
    if where is None:
        return None
    try:
        said = where.value(item)
    except NotThere:
        return None
    if said is None:
        return None
    if not isinstance(said, int) or isinstance(said, bool) or not first <= said <= most - 1 + first:
        raise Unusable(f"its {what} is {_shown(said)}")
    return said + 1 - first


def _judged(item: Item, judged: Judged, levels: list[str]) -> str:
    if judged.path is None:
        return judged.default
    try:
        said = judged.path.value(item)
    except NotThere:
        return judged.default
    name = str(said).lower() if isinstance(said, bool) else str(said)
    known = (judged.table or {}).get(name)
    return known or (name if not judged.table and name in levels else judged.default)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
