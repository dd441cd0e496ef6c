"""One defect, one finding: where a tool says what a rule of ours says, ours is shown and theirs is ``related``.

A tool's finding that our rule did not make on that line keeps the tool's severity under our name: the tool
alone says so (bandit, for one, does not tell a literal ``eval`` from a computed one).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from theodore_plugin.finding import Finding, Severity
from theodore_plugin.scanners.mypy_answer import RETURN_TYPE

OURS: Mapping[str, str] = {
    "bandit/B102": "dynamic-code-execution",
    "bandit/B307": "dynamic-code-execution",
    "bandit/B301": "unsafe-deserialisation",
    "bandit/B302": "unsafe-deserialisation",
    "bandit/B506": "unsafe-deserialisation",
    "bandit/B602": "shell-injection",
    "bandit/B604": "shell-injection",
    "bandit/B605": "shell-injection",
    "bandit/B501": "tls-verification-disabled",
    "bandit/B323": "tls-verification-disabled",
    "bandit/B105": "hardcoded-secret",
    "bandit/B106": "hardcoded-secret",
    "bandit/B107": "hardcoded-secret",
    "bandit/B113": "network-without-timeout",
    "bandit/B202": "path-traversal",
    "bandit/B311": "weak-crypto",
    "bandit/B324": "weak-crypto",
    "mypy/override": "signature-mismatch",
    "mypy/abstract": "missing-method",
}
"""Native id to the rule of ours that says the same thing."""
_SECRETS = "secrets"
"""Everything this scanner reports is a secret; its native id says of whom."""
_WITHOUT_THE_VALUE = {
    "bandit/B105": "what looks like a password stands in the source",
    "bandit/B106": "what looks like a password is written as an argument",
    "bandit/B107": "what looks like a password is written as a default",
}
"""bandit quotes the password it has found."""
_GRAVITY = {severity: number for number, severity in enumerate(Severity)}
_RETURNS = ("return-type-mismatch", "async-mismatch")
"""What an ``override`` about the result says: a method that is not async returns another type to mypy."""


def merge(own: Iterable[Finding], foreign: Iterable[Finding], known_rules: Collection[str]) -> tuple[Finding, ...]:
    """Return all findings, tools' duplicates folded into ours; only rules in ``known_rules`` lend their name.

    Two tools that say the same thing on one line, where we say nothing, are one finding as well: the graver one.
    """
    found = list(own)
    ours = len(found)
    for finding in foreign:
        renamed = _renamed(finding, known_rules)
        twin = _twin(found, ours, finding, renamed)
        if twin is None:
            found.append(renamed)
        elif twin < ours:
            found[twin] = _with_related(found[twin], finding)
        else:
            found[twin] = _graver(found[twin], renamed)
    return tuple(sorted(found, key=lambda finding: finding.sort_key))


def _twin(found: Sequence[Finding], ours: int, foreign: Finding, renamed: Finding) -> int | None:
    """Return what says the same: one of ours (they come first), or what another tool said under our name."""
    names = {renamed.rule, *(_RETURNS if _is_about_the_result(foreign) else ())}
    for index, finding in enumerate(found):
        of_another = index < ours or (renamed.rule != foreign.rule and finding.source != foreign.source)
        if of_another and finding.rule in names and _same_place(finding, foreign):
            return index
    return None


def _same_place(one: Finding, other: Finding) -> bool:
    place, line = one.location, other.location.line
    return place.path == other.location.path and place.line <= line <= (place.end_line or place.line)


def _renamed(finding: Finding, known_rules: Collection[str]) -> Finding:
    rule = _name(finding, known_rules)
    if rule == finding.rule:
        return finding
    message = _WITHOUT_THE_VALUE.get(finding.rule, finding.message)
    return replace(finding, rule=rule, message=message, related=(*finding.related, finding.rule))


def _with_related(ours: Finding, theirs: Finding) -> Finding:
    native = (theirs.rule, *theirs.related)
    return replace(ours, related=tuple(dict.fromkeys((*ours.related, *native))))


def _graver(one: Finding, other: Finding) -> Finding:
    """Return the graver of two findings of one name, with the native ids of both."""
    kept, folded = sorted((one, other), key=lambda finding: (_GRAVITY[finding.severity], finding.sort_key))
    return replace(kept, related=tuple(dict.fromkeys((*kept.related, *folded.related))))


def _name(finding: Finding, known_rules: Collection[str]) -> str:
    if finding.source == _SECRETS:
        ours: str | None = "hardcoded-secret"
    else:
        ours = _RETURNS[0] if _is_about_the_result(finding) else OURS.get(finding.rule)
    return ours if ours is not None and ours in known_rules else finding.rule


def _is_about_the_result(finding: Finding) -> bool:
    return finding.rule == "mypy/override" and finding.message.startswith(RETURN_TYPE)
