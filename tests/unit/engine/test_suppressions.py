from datetime import date

import pytest

from theodore_loader.policy import Policy
from theodore_plugin.engine.licence import Licence
from theodore_plugin.engine.suppressions import apply
from theodore_plugin.facts.model import Suppression
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity, Silencer

TODAY = date(2026, 6, 1)
RULES = {
    name: Rule(name, Severity.ERROR, Confidence.HIGH, silencer, "", "", "")
    for name, silencer in [
        ("secret-to-log", Silencer.INLINE),
        ("shell-injection", Silencer.POLICY),
        ("missing-method", Silencer.NOBODY),
    ]
}


def finding(rule, line=3, end_line=None, severity=Severity.ERROR):
    return Finding(rule, severity, Confidence.HIGH, Location("a.py", line, 1, end_line), "wrong")


def suppression(*rules, reason="reviewed", until=None, line=3):
    return Suppression(Location("a.py", line), rules, reason, until, line)


def outcome(findings, *comments, policy=None):
    return apply(findings, comments, Licence(RULES, policy or Policy("test")), TODAY)


def rules_of(result):
    return [found.rule for found in result.findings]


def test_a_suppression_with_a_reason_silences_its_rule_on_its_line_and_is_recorded():
    result = outcome([finding("secret-to-log"), finding("secret-to-log", line=4)], suppression("secret-to-log"))
    assert [found.location.line for found in result.findings] == [4]
    (record,) = result.records
    assert (record.reason, record.silenced) == ("reviewed", (finding("secret-to-log"),))


def test_a_comment_on_any_line_of_a_statement_counts():
    assert rules_of(outcome([finding("secret-to-log", 2, 5)], suppression("secret-to-log", line=4))) == []


def test_a_tool_finding_is_named_by_its_native_id():
    assert rules_of(outcome([finding("bandit/B310")], suppression("bandit/B310"))) == []


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_without_a_reason_nothing_is_silenced(reason):
    result = outcome([finding("secret-to-log")], suppression("secret-to-log", reason=reason))
    assert rules_of(result) == ["secret-to-log", "suppression-without-reason"]


@pytest.mark.parametrize("until", ["2026-05-31", "soon", "2026-13-01"])
def test_an_expired_or_unreadable_date_silences_nothing(until):
    result = outcome([finding("secret-to-log")], suppression("secret-to-log", until=until))
    assert rules_of(result) == ["secret-to-log", "suppression-expired"]


def test_the_last_day_still_counts():
    assert rules_of(outcome([finding("secret-to-log")], suppression("secret-to-log", until="2026-06-01"))) == []


def test_a_comment_that_names_no_rule_silences_nothing():
    assert rules_of(outcome([finding("secret-to-log")], suppression())) == ["secret-to-log", "blanket-suppression"]


@pytest.mark.parametrize("rule", ["shell-injection", "missing-method"])
def test_what_an_author_may_not_silence_stays(rule):
    assert rules_of(outcome([finding(rule)], suppression(rule))) == [rule, "suppression-not-permitted"]


def test_a_policy_can_let_authors_silence_a_rule_of_its_own_but_not_one_of_nobodys():
    policy = Policy("lenient", suppressions=frozenset({"shell-injection", "missing-method"}))
    findings = [finding("shell-injection"), finding("missing-method")]
    result = outcome(findings, suppression("shell-injection", "missing-method"), policy=policy)
    assert rules_of(result) == ["missing-method", "suppression-not-permitted"]


def test_one_forbidden_rule_does_not_void_the_others_of_its_comment():
    findings = [finding("secret-to-log"), finding("shell-injection")]
    result = outcome(findings, suppression("secret-to-log", "shell-injection"))
    assert rules_of(result) == ["shell-injection", "suppression-not-permitted"]


def test_incomplete_is_never_silenced():
    result = outcome([finding("secret-to-log", severity=Severity.INCOMPLETE)], suppression("secret-to-log"))
    assert rules_of(result) == ["secret-to-log", "unused-suppression"]


def test_a_suppression_of_nothing_is_reported_and_a_misspelt_one_gets_a_hint():
    result = outcome([], suppression("secret-to-log"), suppression("secret-too-log"))
    assert rules_of(result) == ["unused-suppression"] * 2
    assert "did you mean 'secret-to-log'" in result.findings[1].message


def test_as_many_comments_as_findings_are_matched_in_one_go():
    """A hostile file of two megabytes holds about so many of each; trying all pairs would take minutes."""
    lines = range(1, 20_001)
    result = outcome(
        [finding("secret-to-log", line) for line in lines], *(suppression("secret-to-log", line=line) for line in lines)
    )
    assert (len(result.findings), len(result.records)) == (0, 20_000)


def test_the_first_of_two_comments_on_a_line_silences_and_the_other_is_unused():
    result = outcome(
        [finding("secret-to-log", 2, 5)], suppression("secret-to-log"), suppression("secret-to-log", line=4)
    )
    assert rules_of(result) == ["unused-suppression"]
    assert [len(record.silenced) for record in result.records] == [1, 0]
