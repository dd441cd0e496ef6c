"""``policy test``: ask a policy the questions that stand in its own file, and compare the answers.

===============  ================================  ===========================================================
``permission``   ``network api.example.com:443``   ``allowed`` or ``refused``, for a plugin of ``category``
``limit``        ``max_memory_mb`` with ``value``  what is granted of it, for a plugin of ``category``
``package``      ``pycrypto``                      ``allowed`` or ``refused`` among the dependencies
``finding``      ``shell-injection``               its level for ``audience``, ``off``, or ``excepted`` for ``plugin``
===============  ================================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from packaging.utils import canonicalize_name

from theodore_loader.permissions import Permission
from theodore_loader.policy import Policy, capped, judge
from theodore_loader.policy.model import PolicyTest
from theodore_plugin.engine.exceptions import accepts
from theodore_plugin.engine.levels import weigh
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity
from theodore_sdk.info import PluginCategory, PluginResourceLimits


@dataclass(frozen=True, slots=True)
class Answer:
    """What a policy says, why, and which line of it decides."""

    says: str | float
    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test and its answer."""

    test: PolicyTest
    answer: Answer

    @property
    def as_expected(self) -> bool:
        """Whether the policy says what it is meant to."""
        return self.answer.says == self.test.expect


def run_tests(policy: Policy, rules: Mapping[str, Rule], today: date) -> Iterator[Outcome]:
    """Ask every question of the policy's own file, in its order."""
    for test in policy.tests:
        yield Outcome(test, answer(test.asks, policy, rules, today))


def answer(asks: Mapping[str, Any], policy: Policy, rules: Mapping[str, Rule], today: date) -> Answer:
    """Answer one question (the schema and ``entry_problems`` have seen that it is one)."""
    policy = policy.for_audience(asks.get("audience"))
    category = PluginCategory(asks["category"]) if "category" in asks else None
    if "permission" in asks:
        judgement = judge(Permission.from_text(asks["permission"]), policy, category)
        return Answer("allowed" if judgement.allowed else "refused", judgement.reason, judgement.location)
    if "limit" in asks:
        return _limit(asks["limit"], asks["value"], policy, category)
    if "package" in asks:
        return _package(asks["package"], policy)
    return _finding(asks, policy, rules, today)


def _limit(name: str, value: float, policy: Policy, category: PluginCategory | None) -> Answer:
    asked: Any = {name: value}
    declared = replace(PluginResourceLimits(), **asked)
    granted = getattr(capped(declared, policy, category), name)
    return Answer(granted, "as declared" if granted == value else "capped", limit_place(name, policy, category))


def limit_place(name: str, policy: Policy, category: PluginCategory | None) -> str:
    """Return the line that holds the lowest ceiling of a limit."""
    ceiling = policy.ceiling(category).limits.get(name)
    if category and ceiling is not None and ceiling < getattr(policy.limits, name):
        return policy.place("categories", category.value, "limits", name)
    return policy.place("limits", name)


def _package(name: str, policy: Policy) -> Answer:
    for forbidden in policy.forbidden_packages:
        if forbidden.name == canonicalize_name(name):
            return Answer("refused", forbidden.reason, forbidden.location)
    return Answer("allowed", "not forbidden", policy.place("forbidden_packages"))


def _finding(asks: Mapping[str, Any], policy: Policy, rules: Mapping[str, Rule], today: date) -> Answer:
    finding = _imagined(asks, rules)
    day = date.fromisoformat(asks["on"]) if "on" in asks else today
    plugin = canonicalize_name(asks["plugin"]) if "plugin" in asks else None
    for one in policy.exceptions:
        if one.concerns(plugin, asks.get("sha256")) and one.until >= day and accepts(one, finding, rules):
            return Answer("excepted", one.reason, one.location)
    setting = policy.rule(finding.rule, finding.severity.value)
    place = setting.location or policy.name
    weighed = next(weigh([finding], policy, rules), None)
    if weighed is None:
        return Answer("off", "switched off", place)
    return Answer(weighed.severity.value, "" if setting.location else "the rule's own level", place)


def _imagined(asks: Mapping[str, Any], rules: Mapping[str, Rule]) -> Finding:
    """Return the finding that is asked about; a tool's has no level of its own that could be known here."""
    name = asks["finding"]
    rule = rules.get(name)
    own = rule.severity if rule else Severity.ERROR
    tool, slash, _ = name.partition("/")
    return Finding(
        rule=name,
        severity=Severity(asks.get("severity", own)),
        confidence=Confidence.HIGH,
        location=Location(asks.get("path", "pyproject.toml")),
        message="asked by a test",
        subject=asks.get("subject"),
        source=tool if slash else "theodore",
    )
