"""Apply the exceptions of a policy: findings its owner accepts for one plugin, or one wheel, until a day.

An exception takes out the findings it names, if it has not expired. It never takes out *incomplete*, nor what nobody
may silence. One that is about this plugin and takes nothing out, or has expired, is a finding of its own; every one
that is about this plugin is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from packaging.utils import canonicalize_name

from theodore_loader.policy.model import Policy, PolicyException
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import ExceptionRecord
from theodore_plugin.rules.engine.reports import POLICY_EXCEPTION_EXPIRED, POLICY_EXCEPTION_UNUSED


@dataclass(frozen=True, slots=True)
class Excepted:
    """Findings that remain (with those about the exceptions themselves), and the record."""

    findings: tuple[Finding, ...]
    records: tuple[ExceptionRecord, ...]


def except_findings(
    findings: Sequence[Finding], policy: Policy, project: PluginProject, rules: Mapping[str, Rule], today: date
) -> Excepted:
    """Take out what the policy accepts of this project; see the module docstring."""
    remaining, records, complaints = list(findings), [], []
    for one in policy.exceptions:
        if not one.concerns(_plugin(project), project.sha256):
            continue
        expired = one.until < today
        taken = () if expired else tuple(finding for finding in remaining if accepts(one, finding, rules))
        remaining = [finding for finding in remaining if finding not in taken]
        complaints += [_expired(one, project)] if expired else list(_unused(one, taken, project))
        records.append(ExceptionRecord(one.rules, one.location, one.reason, one.owner, one.until, taken))
    return Excepted((*remaining, *complaints), tuple(records))


def _plugin(project: PluginProject) -> str | None:
    return canonicalize_name(project.name) if project.name else None


def accepts(one: PolicyException, finding: Finding, rules: Mapping[str, Rule]) -> bool:
    """Return whether an exception takes this finding out, its day aside."""
    rule = rules.get(finding.rule)
    fixed = rule is not None and rule.silencer is Silencer.NOBODY
    if fixed or finding.severity is Severity.INCOMPLETE:
        return False
    return one.covers(finding.rule, finding.location.path, finding.subject)


def _unused(one: PolicyException, taken: Sequence[Finding], project: PluginProject) -> Iterator[Finding]:
    used = {finding.rule for finding in taken}
    for rule in one.rules:
        if rule not in used:
            message = f"the policy accepts {rule} here until {one.until} ({one.location}), and nothing reports it"
            yield _finding(POLICY_EXCEPTION_UNUSED, message, f"ask {one.owner} to remove the exception", project)


def _expired(one: PolicyException, project: PluginProject) -> Finding:
    message = f"the policy accepted {', '.join(one.rules)} here until {one.until} ({one.location})"
    help_ = f"fix what is reported, or ask {one.owner} for a later day"
    return _finding(POLICY_EXCEPTION_EXPIRED, message, help_, project)


def _finding(rule: Rule, message: str, help_: str, project: PluginProject) -> Finding:
    return Finding(rule.name, rule.severity, Confidence.HIGH, Location(project.project_file), message, help=help_)
