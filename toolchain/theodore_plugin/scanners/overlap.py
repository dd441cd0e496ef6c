"""One defect, one finding: where a tool says what a rule of ours says, ours is shown and theirs is ``related``.

A tool's finding that our rule did not make on that line keeps the tool's severity under our name: the tool
alone says so (bandit, for one, does not tell a literal ``eval`` from a computed one).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from theodore_plugin.finding import Finding
from theodore_plugin.scanners.mypy import RETURN_TYPE

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
_RETURNS = ("return-type-mismatch", "async-mismatch")
"""What an ``override`` about the result says: a method that is not async returns another type to mypy."""


def merge(own: Iterable[Finding], foreign: Iterable[Finding], known_rules: Collection[str]) -> tuple[Finding, ...]:
    """Return all findings, tools' duplicates folded into ours; only rules in ``known_rules`` lend their name."""
    ours, alone = list(own), []
    for finding in foreign:
        twin = _twin(ours, finding, known_rules)
        if twin is None:
            alone.append(_renamed(finding, known_rules))
        else:
            ours[twin] = _with_related(ours[twin], finding)
    return tuple(sorted([*ours, *alone], key=lambda finding: finding.sort_key))


def _twin(findings: list[Finding], foreign: Finding, known_rules: Collection[str]) -> int | None:
    names = {_name(foreign, known_rules), *(_RETURNS if _is_about_the_result(foreign) else ())}
    for index, finding in enumerate(findings):
        if finding.rule in names and _same_place(finding, foreign):
            return index
    return None


def _same_place(ours: Finding, theirs: Finding) -> bool:
    place, line = ours.location, theirs.location.line
    return place.path == theirs.location.path and place.line <= line <= (place.end_line or place.line)


def _renamed(finding: Finding, known_rules: Collection[str]) -> Finding:
    rule = _name(finding, known_rules)
    return finding if rule == finding.rule else replace(finding, rule=rule, related=(*finding.related, finding.rule))


def _with_related(ours: Finding, theirs: Finding) -> Finding:
    native = (theirs.rule, *theirs.related)
    return replace(ours, related=tuple(dict.fromkeys((*ours.related, *native))))


def _name(finding: Finding, known_rules: Collection[str]) -> str:
    ours = _RETURNS[0] if _is_about_the_result(finding) else OURS.get(finding.rule)
    return ours if ours is not None and ours in known_rules else finding.rule


def _is_about_the_result(finding: Finding) -> bool:
    return finding.rule == "mypy/override" and finding.message.startswith(RETURN_TYPE)
