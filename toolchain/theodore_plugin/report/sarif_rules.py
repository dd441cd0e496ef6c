"""What SARIF readers are told about a rule: its documentation, its weight, and where to read on.

GitHub code scanning reads ``security-severity`` (a score as CVSS has them: from 9.0 critical, from 7.0 high, from 4.0
medium, above 0 low) of rules tagged ``security``, ``problem.severity`` of the others, and ``precision``.
"""

from __future__ import annotations

from typing import Any

from theodore_plugin.finding import Confidence, Finding, Rule, Severity
from theodore_plugin.report.foreign_rules import foreign_rule
from theodore_plugin.report.rule_page import rule_page
from theodore_plugin.report.visible import visible
from theodore_plugin.rules.book import rule_book, rule_groups

LEVELS = {
    Severity.ERROR: "error",
    Severity.INCOMPLETE: "error",
    Severity.WARNING: "warning",
    Severity.NOTICE: "note",
}
MAX_TEXT = 1_000
"""Characters of a rule's short and full description; GitHub takes 1,024."""

_SECURITY_GROUPS = frozenset({"code", "permissions", "dependencies", "packaging", "trust"})
_SECURITY_TOOLS = frozenset({"bandit", "pip-audit", "secrets"})
_SCORES = {"error": "8.0", "warning": "5.0", "note": "2.0"}
_PROBLEMS = {"error": "error", "warning": "warning", "note": "recommendation"}
_OWN_PAGE = "urn:theodore:rule:{name}"
"""The pages under ``docs/rules`` have no address of their own; this names the rule and cannot go stale."""


def descriptor(name: str, finding: Finding) -> dict[str, Any]:
    """Return the ``reportingDescriptor`` of a rule; ``finding`` is one it reported, for rules of other tools."""
    rule = rule_book().get(name)
    return _own(rule) if rule else _native(name, finding)


def _own(rule: Rule) -> dict[str, Any]:
    group, level = rule_groups().get(rule.name, "engine"), LEVELS[rule.severity]
    return {
        "id": rule.name,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": _short(rule.summary)},
        "fullDescription": {"text": _short(f"{rule.summary} {rule.why}")},
        "help": {"text": f"{rule.why}\n\n{rule.remedy}", "markdown": rule_page(rule)},
        "helpUri": _OWN_PAGE.format(name=rule.name),
        "defaultConfiguration": {"level": level},
        "properties": _properties(level, rule.confidence, [group], security=group in _SECURITY_GROUPS),
    }


def _native(name: str, finding: Finding) -> dict[str, Any]:
    known, level = foreign_rule(visible(name)), LEVELS[finding.severity]
    tool = known.tool if known else visible(finding.source)
    summary = _short(known.summary if known else visible(name))
    documented = f"{known.tool} documents it: {known.url}" if known and known.url else summary
    described: dict[str, Any] = {
        "id": visible(name),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": visible(finding.help) if finding.help else documented},
        "defaultConfiguration": {"level": level},
        "properties": _properties(level, finding.confidence, [tool], security=tool in _SECURITY_TOOLS),
    }
    if known and known.url:
        described["helpUri"] = known.url
    return described


def _properties(level: str, confidence: Confidence, tags: list[str], *, security: bool) -> dict[str, Any]:
    weight = {"security-severity": _SCORES[level]} if security else {"problem.severity": _PROBLEMS[level]}
    return {"tags": [*tags, *(["security"] if security else [])], "precision": confidence.value, **weight}


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
