"""Apply ``# theodore: ignore[rule] reason="..." until=YYYY-MM-DD`` comments to findings.

A suppression silences the rules it names, on its line, if it has a reason, has not expired, and the rule may
be silenced by an author at all (``Rule.silencer``, or the policy's list). Everything else about a suppression
is a finding of its own, and every suppression is recorded, used or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from theodore_plugin.engine.licence import Licence
from theodore_plugin.facts.model import Suppression
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.report.model import SuppressionRecord

_SEVERITIES = {"unused-suppression": Severity.WARNING, "setting-overruled": Severity.NOTICE}
"""Of what is wrong with a suppression; everything else is an error."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Findings that remain (with those about the suppressions themselves), and the record."""

    findings: tuple[Finding, ...]
    records: tuple[SuppressionRecord, ...]


def apply(
    findings: Sequence[Finding], suppressions: Iterable[Suppression], licence: Licence, today: date
) -> Suppressed:
    """Silence what may be silenced; see the module docstring."""
    standing, records, complaints = _Standing(findings), [], []
    for suppression in suppressions:
        problems = list(_problems(suppression, licence, today))
        complaints += problems
        obeyed = () if any(_disqualifies(problem) for problem in problems) else _permitted(suppression, licence)
        silenced = standing.take(suppression, obeyed)
        complaints += _unused(suppression, obeyed, silenced, licence)
        records.append(_record(suppression, silenced))
    return Suppressed((*standing.left(), *complaints), tuple(records))


class _Standing:
    """The findings not silenced yet, by place: a hostile file can hold as many comments as findings."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._left = {
            number: finding for number, finding in enumerate(findings) if finding.severity is not Severity.INCOMPLETE
        }
        self._untouched = [finding for finding in findings if finding.severity is Severity.INCOMPLETE]
        self._on_line: dict[tuple[str, str, int], list[int]] = {}
        self._over_lines: dict[tuple[str, str], list[int]] = {}
        for number, finding in self._left.items():
            place = finding.location
            if (place.end_line or place.line) == place.line:
                self._on_line.setdefault((finding.rule, place.path, place.line), []).append(number)
            else:
                self._over_lines.setdefault((finding.rule, place.path), []).append(number)

    def take(self, suppression: Suppression, rules: Iterable[str]) -> tuple[Finding, ...]:
        """Remove and return what a suppression covers of these rules."""
        path, line = suppression.location.path, suppression.line
        numbers: set[int] = set()
        for rule in rules:
            numbers.update(self._on_line.get((rule, path, line), ()))
            numbers.update(
                n for n in self._over_lines.get((rule, path), ()) if n in self._left and self._spans(n, line)
            )
        return tuple(self._left.pop(number) for number in sorted(numbers) if number in self._left)

    def left(self) -> tuple[Finding, ...]:
        """Return what was never taken."""
        return (*self._left.values(), *self._untouched)

    def _spans(self, number: int, line: int) -> bool:
        place = self._left[number].location
        return place.line <= line <= (place.end_line or place.line)


def _problems(suppression: Suppression, licence: Licence, today: date) -> Iterator[Finding]:
    if not suppression.rules:
        yield _finding(
            "blanket-suppression", suppression, "this would silence every rule", "name the rule: ignore[rule]"
        )
    if not (suppression.reason or "").strip():
        help = 'add reason="…", one sentence a reviewer can judge'  # noqa: A001
        yield _finding("suppression-without-reason", suppression, "this suppression gives no reason", help)
    yield from _expiry(suppression, today)
    for rule in suppression.rules:
        if rule in licence.rules and not licence.permits(rule):
            message = f"{rule} cannot be silenced in the source{_owner(licence.rules[rule])}"
            yield _finding(
                "suppression-not-permitted", suppression, message, "fix what it reports and remove the comment"
            )
        elif licence.permits(rule) and not licence.allows(rule):
            message = f"{rule} stays: under a profile authors silence only what its policy lists"
            yield _finding("setting-overruled", suppression, message, "fix what it reports; the comment may stay")


def _expiry(suppression: Suppression, today: date) -> Iterator[Finding]:
    if suppression.until is None:
        return
    until = _date(suppression.until)
    if until is None:
        message = f"until={suppression.until} is no date, so the suppression counts as expired"
        yield _finding("suppression-expired", suppression, message, "write until=YYYY-MM-DD")
    elif until < today:
        message = f"this suppression ended on {until.isoformat()}"
        yield _finding("suppression-expired", suppression, message, "fix what it silences, or argue for a later date")


def _disqualifies(problem: Finding) -> bool:
    """Return whether a problem voids the whole comment; a rule that may not be silenced voids only itself."""
    return problem.rule not in {"suppression-not-permitted", "setting-overruled"}


def _permitted(suppression: Suppression, licence: Licence) -> tuple[str, ...]:
    return tuple(rule for rule in suppression.rules if licence.allows(rule))


def _unused(
    suppression: Suppression, obeyed: Sequence[str], silenced: Sequence[Finding], licence: Licence
) -> Iterator[Finding]:
    used = {finding.rule for finding in silenced}
    for rule in suppression.rules:
        if rule not in licence.rules and "/" not in rule:
            close = get_close_matches(rule, licence.rules, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            yield _finding("unused-suppression", suppression, f"there is no rule {rule!r}{hint}", "correct the name")
        elif rule in obeyed and rule not in used:
            yield _finding("unused-suppression", suppression, f"{rule} reports nothing here", "remove the comment")


def _record(suppression: Suppression, silenced: tuple[Finding, ...]) -> SuppressionRecord:
    until = _date(suppression.until) if suppression.until else None
    return SuppressionRecord(suppression.rules, suppression.location, suppression.reason or "", until, silenced)


def _owner(rule: Rule) -> str:
    return "; only the policy's owner can" if rule.silencer is Silencer.POLICY else ", by nobody"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _finding(rule: str, suppression: Suppression, message: str, help: str) -> Finding:  # noqa: A002
    severity = _SEVERITIES.get(rule, Severity.ERROR)
    location: Location = suppression.location
    return Finding(rule, severity, Confidence.HIGH, location, message, help=help)
