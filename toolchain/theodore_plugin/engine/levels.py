"""How a policy weighs findings: levels per rule, and whether a rule's or scanner's findings block at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from theodore_loader.policy.model import Policy, RuleSetting
from theodore_plugin.finding import Finding, Rule, Severity, Silencer


def weigh(findings: Iterable[Finding], policy: Policy, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    """Yield the findings as the policy wants them seen.

    A level replaces the severity and ``off`` removes the finding, except for a rule that nobody may silence:
    that one stays as it is. Errors of a rule or scanner that is not enforced become warnings.
    """
    for finding in findings:
        weighed = _at_level(finding, policy.rule(finding.rule, finding.severity.value), rules.get(finding.rule))
        if weighed is not None:
            yield _softened(weighed, policy)


def _at_level(finding: Finding, setting: RuleSetting, rule: Rule | None) -> Finding | None:
    if _untouchable(finding, rule):
        return finding
    if setting.level == "off":
        return None
    severity = Severity(setting.level)
    if severity is Severity.ERROR and not setting.enforced:
        severity = Severity.WARNING
    return replace(finding, severity=severity)


def _untouchable(finding: Finding, rule: Rule | None) -> bool:
    return rule is not None and rule.silencer is Silencer.NOBODY


def _softened(finding: Finding, policy: Policy) -> Finding:
    if (
        finding.severity is Severity.ERROR
        and finding.source != "theodore"
        and not policy.scanner(finding.source).enforced
    ):
        return replace(finding, severity=Severity.WARNING)
    return finding
