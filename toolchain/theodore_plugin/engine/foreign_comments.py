"""What ``# nosec`` and ``# type: ignore`` mean here.

The tools do not see them (bandit is told to disregard them, mypy's copy does not have them). On a line where
the tool reports something, a bare one is a finding of its own; ``# type: ignore[code]`` names what it silences
and is common ground among type checkers, so it counts as a suppression of mypy's warning of that code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from theodore_plugin.facts.model import Blanket, Suppression
from theodore_plugin.finding import Finding, Severity
from theodore_plugin.rules.engine.reports import BLANKET_SUPPRESSION

_TYPE_IGNORE = re.compile(r"type:\s*ignore(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_NOSEC = re.compile(r"nosec\b(?P<codes>[\s:]+B\d+)?", re.IGNORECASE)


def type_ignores(blankets: Iterable[Blanket], findings: Sequence[Finding]) -> Iterator[Suppression]:
    """Yield a suppression for each ``# type: ignore[code]`` that names a warning mypy gives on its line."""
    for blanket in blankets:
        match = _TYPE_IGNORE.match(blanket.text)
        named = {f"mypy/{code.strip()}" for code in (match["codes"] or "").split(",")} if match else set()
        reported = {found.rule for found in _here(blanket, findings) if found.severity is Severity.WARNING}
        rules = tuple(sorted(named & reported))
        if rules:
            yield Suppression(blanket.location, rules, f"# {blanket.text}", None, blanket.location.line)


def blanket_comments(blankets: Iterable[Blanket], findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield a finding for each bare comment on a line where its tool reports something."""
    for blanket in blankets:
        tool = _tool_silenced_whole(blanket.text)
        if tool and any(_is_from(tool, finding) for finding in _here(blanket, findings)):
            yield Finding(
                rule=BLANKET_SUPPRESSION.name,
                severity=BLANKET_SUPPRESSION.severity,
                confidence=BLANKET_SUPPRESSION.confidence,
                location=blanket.location,
                message=f"`# {blanket.text}` would hide what {tool} reports here, whatever it is",
                help=BLANKET_SUPPRESSION.remedy,
            )


def _tool_silenced_whole(text: str) -> str | None:
    for tool, pattern in (("bandit", _NOSEC), ("mypy", _TYPE_IGNORE)):
        match = pattern.match(text)
        if match and not match["codes"]:
            return tool
    return None


def _is_from(tool: str, finding: Finding) -> bool:
    return any(name.startswith(f"{tool}/") for name in (finding.rule, *finding.related))


def _here(blanket: Blanket, findings: Sequence[Finding]) -> Iterator[Finding]:
    for finding in findings:
        place = finding.location
        if place.path == blanket.location.path and place.line <= blanket.location.line <= (
            place.end_line or place.line
        ):
            yield finding
