"""``policy explain``: everything a policy decides about one plugin, each with the line that decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date

from packaging.utils import canonicalize_name

from theodore_loader.permissions import PatternError, Permission
from theodore_loader.policy import Policy, capped, judge
from theodore_plugin.analysis import StaticAnalysis
from theodore_plugin.engine.exceptions import accepts
from theodore_plugin.engine.levels import weigh
from theodore_plugin.finding import Finding, Rule
from theodore_plugin.inference.model import InferredPermission
from theodore_plugin.policies.testing import limit_place
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.permissions.comparison import covered, describe, readable, wanted
from theodore_sdk.info import PluginCategory, PluginPermission, PluginResourceLimits


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing the policy decides: about what, how, why, and by which line (empty: by none of its own)."""

    group: str
    about: str
    says: str
    reason: str
    place: str


GROUPS = ("declared permission", "inferred permission", "limit", "rule", "exception")
"""The order in which decisions are shown."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A plugin that was analysed, and the rules it was held to."""

    project: PluginProject
    analysis: StaticAnalysis
    rules: Mapping[str, Rule]

    @property
    def category(self) -> PluginCategory | None:
        """The declared category, as far as it could be read."""
        category = self.analysis.metadata.values.get("category")
        return category if isinstance(category, PluginCategory) else None

    @property
    def declared(self) -> tuple[PluginPermission, ...]:
        """The declared permissions, as far as they could be read."""
        return tuple(self.analysis.metadata.values.get("permissions", ()))

    @property
    def limits(self) -> PluginResourceLimits:
        """The declared limits; the defaults where none are declared or readable."""
        limits = self.analysis.metadata.values.get("resource_limits")
        return limits if isinstance(limits, PluginResourceLimits) else PluginResourceLimits()


def explain(subject: Subject, policy: Policy, today: date) -> Iterator[Decision]:
    """Yield every decision, group by group."""
    yield from _declared(subject, policy)
    yield from _inferred(subject, policy)
    yield from _limits(subject, policy)
    yield from _levels(subject, policy)
    yield from _exceptions(subject, policy, today)


def _declared(subject: Subject, policy: Policy) -> Iterator[Decision]:
    for asked in subject.declared:
        try:
            judgement = judge(Permission.parse(asked.type, asked.pattern), policy, subject.category)
        except PatternError as problem:
            yield Decision(GROUPS[0], f"{asked.type.value} {asked.pattern}", "unreadable", str(problem), "")
            continue
        optional = "" if asked.required else " (the plugin works without)"
        says = "allowed" if judgement.allowed else f"refused{optional}"
        yield Decision(GROUPS[0], str(judgement.permission), says, judgement.reason, judgement.location)


def _inferred(subject: Subject, policy: Policy) -> Iterator[Decision]:
    declared = readable(subject.declared)
    seen: dict[str, InferredPermission] = {}
    for item in subject.analysis.inference.permissions:
        if item.acts or not item.within:  # what a library looks up for itself is nobody's to ask for
            seen.setdefault(describe(item), item)
    for about, item in sorted(seen.items()):
        undeclared = "" if covered(declared, item) or item.within else "not declared; "
        decided = _of_target(item, subject, policy)
        yield Decision(GROUPS[1], about, decided[0], f"{undeclared}{decided[1]}".removesuffix("; "), decided[2])


def _of_target(item: InferredPermission, subject: Subject, policy: Policy) -> tuple[str, str, str]:
    """Return what is said, why, and where; where nothing is known of the target only "nothing at all" decides."""
    target = wanted(item)
    if target is None and policy.rules_for(item.permission).allow:
        return "undecided", "its target is not known before it runs", str(item.location)
    judgement = judge(target or Permission(item.permission, "*"), policy, subject.category)
    return "allowed" if judgement.allowed else "refused", judgement.reason, judgement.location


def _limits(subject: Subject, policy: Policy) -> Iterator[Decision]:
    granted = capped(subject.limits, policy, subject.category)
    for field in fields(PluginResourceLimits):
        asked, given = getattr(subject.limits, field.name), getattr(granted, field.name)
        reason = "as declared" if given == asked else f"declared {asked:g}"
        yield Decision(GROUPS[2], field.name, f"{given:g}", reason, limit_place(field.name, policy, subject.category))


def _levels(subject: Subject, policy: Policy) -> Iterator[Decision]:
    """Yield the rules that report something here, or that the policy names and could."""
    reported: dict[str, Finding] = {}
    for finding in subject.analysis.findings:
        reported.setdefault(finding.rule, finding)
    for name, finding in sorted(reported.items()):
        setting = policy.rule(name, finding.severity.value)
        weighed = next(weigh([finding], policy, subject.rules), None)
        says = "off" if weighed is None else weighed.severity.value
        count = sum(one.rule == name for one in subject.analysis.findings)
        times = "once" if count == 1 else f"{count} times"
        own = "" if setting.location else ", at its own level"
        yield Decision(GROUPS[3], name, says, f"reported {times}{own}", setting.location)


def _exceptions(subject: Subject, policy: Policy, today: date) -> Iterator[Decision]:
    name = canonicalize_name(subject.project.name) if subject.project.name else None
    for one in policy.exceptions:
        if not one.concerns(name, subject.project.sha256):
            continue
        taken = sum(accepts(one, finding, subject.rules) for finding in subject.analysis.findings)
        says = f"expired on {one.until}" if one.until < today else f"until {one.until}"
        used = "nothing of our own analysis" if taken == 0 else f"{taken} finding{'' if taken == 1 else 's'}"
        reason = f"{one.reason} ({one.owner}); it is about {used}"
        yield Decision(GROUPS[4], ", ".join(one.rules), says, reason, one.location)


def refused(decisions: Iterable[Decision]) -> bool:
    """Whether any declared permission that the plugin needs is refused."""
    return any(one.group == GROUPS[0] and one.says == "refused" for one in decisions)
