"""Set aside the findings a baseline file accepts, and say which of its entries match nothing any more.

A baseline is for starting to use a rule on a project that has findings already: it quiets what is known and lets
everything new through. Entries are recognised by fingerprint (:mod:`theodore_plugin.report.fingerprint`), so moved
lines change nothing. Never set aside: *incomplete*, rules nobody may silence, and rules the policy enforces by name.
Nothing is signed on a report that rests on a baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from theodore_plugin.engine.baseline_file import Baseline, Entry
from theodore_plugin.engine.licence import Licence
from theodore_plugin.engine.selection import is_enforced
from theodore_plugin.finding import Finding, Location, Severity, Silencer
from theodore_plugin.report.fingerprint import fingerprints
from theodore_plugin.report.model import blocks
from theodore_plugin.rules.engine.reports import UNUSED_BASELINE_ENTRY

NAMED = 3
"""How many entries without a match are named; a baseline can hold thousands."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """What remains to be reported (with a notice about entries that match nothing), and what was accepted."""

    findings: tuple[Finding, ...]
    baselined: tuple[Finding, ...]


def set_aside(
    findings: Sequence[Finding], sources: Mapping[str, bytes], baseline: Baseline | None, licence: Licence
) -> SetAside:
    """Take out what the baseline accepts.

    Where the check is incomplete, an entry without a match says nothing: what it is about may not have been looked at.
    """
    if baseline is None:
        return SetAside(tuple(findings), ())
    accepted = {entry.fingerprint for entry in baseline.entries}
    remaining, known, seen = [], [], set()
    for finding, fingerprint in zip(findings, fingerprints(findings, sources), strict=True):
        seen.add(fingerprint)
        if fingerprint in accepted and _may_accept(baseline, finding, licence):
            known.append(finding)
        else:
            remaining.append(finding)
    if not any(finding.severity is Severity.INCOMPLETE for finding in findings):
        remaining += _unused([entry for entry in baseline.entries if entry.fingerprint not in seen], baseline)
    return SetAside(tuple(remaining), tuple(known))


def accept(
    findings: Sequence[Finding], sources: Mapping[str, bytes], licence: Licence, before: Iterable[Entry] = ()
) -> tuple[Entry, ...]:
    """Return the entries that accept every finding a baseline may; reasons given ``before`` are kept."""
    reasons = {entry.fingerprint: entry.reason for entry in before}
    made = zip(findings, fingerprints(findings, sources), strict=True)
    entries = (
        Entry(fingerprint, finding.rule, finding.location.path, finding.message, reasons.get(fingerprint))
        for finding, fingerprint in made
        if _acceptable(finding, licence) and finding.rule != UNUSED_BASELINE_ENTRY.name
    )
    return tuple(sorted(entries, key=lambda entry: entry.sort_key))


def _may_accept(baseline: Baseline, finding: Finding, licence: Licence) -> bool:
    """Return whether this file may; one the project names itself is its author's word, like a comment."""
    return _acceptable(finding, licence) and not (
        baseline.authors and blocks(finding) and not licence.allows(finding.rule)
    )


def _acceptable(finding: Finding, licence: Licence) -> bool:
    rule = licence.rules.get(finding.rule)
    nobodys = rule is not None and rule.silencer is Silencer.NOBODY
    return not (finding.severity is Severity.INCOMPLETE or nobodys or is_enforced(finding.rule, licence.policy))


def _unused(entries: Sequence[Entry], baseline: Baseline) -> Iterator[Finding]:
    if not entries:
        return
    first = ", ".join(f"{entry.rule} in {entry.path}" for entry in entries[:NAMED])
    more = f" and {len(entries) - NAMED} more" if len(entries) > NAMED else ""
    yield Finding(
        rule=UNUSED_BASELINE_ENTRY.name,
        severity=UNUSED_BASELINE_ENTRY.severity,
        confidence=UNUSED_BASELINE_ENTRY.confidence,
        location=Location(baseline.label, entries[0].line),
        message=f"accepted in the baseline and no longer found: {first}{more}",
        help=UNUSED_BASELINE_ENTRY.remedy,
    )
