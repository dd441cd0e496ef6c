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


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Findings that remain (with those about the suppressions themselves), and the record."""

    findings: tuple[Finding, ...]
    records: tuple[SuppressionRecord, ...]


def apply(
    findings: Sequence[Finding], suppressions: Iterable[Suppression], licence: Licence, today: date
) -> Suppressed:
    """Silence what may be silenced; see the module docstring."""
    remaining, records, complaints = list(findings), [], []
    for suppression in suppressions:
        problems = list(_problems(suppression, licence, today))
        complaints += problems
        obeyed = () if any(_disqualifies(problem) for problem in problems) else _permitted(suppression, licence)
        silenced = tuple(finding for finding in remaining if _covers(suppression, obeyed, finding))
        remaining = [finding for finding in remaining if finding not in silenced]
        complaints += _unused(suppression, obeyed, silenced, licence)
        records.append(_record(suppression, silenced))
    return Suppressed((*remaining, *complaints), tuple(records))


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
        if rule in licence.rules and not licence.allows(rule):
            message = f"{rule} cannot be silenced in the source{_owner(licence.rules[rule])}"
            yield _finding(
                "suppression-not-permitted", suppression, message, "fix what it reports and remove the comment"
            )


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
    return problem.rule != "suppression-not-permitted"


def _permitted(suppression: Suppression, licence: Licence) -> tuple[str, ...]:
    return tuple(rule for rule in suppression.rules if licence.allows(rule))


def _covers(suppression: Suppression, rules: Sequence[str], finding: Finding) -> bool:
    place = finding.location
    if finding.severity is Severity.INCOMPLETE or place.path != suppression.location.path:
        return False
    return finding.rule in rules and place.line <= suppression.line <= (place.end_line or place.line)


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
    severity = Severity.WARNING if rule == "unused-suppression" else Severity.ERROR
    location: Location = suppression.location
    return Finding(rule, severity, Confidence.HIGH, location, message, help=help)
