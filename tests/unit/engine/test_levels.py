from dataclasses import replace

import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import RuleSetting, ScannerSetting
from theodore_plugin.engine.levels import weigh
from theodore_plugin.finding import Confidence, Finding, Location, Rule, Severity, Silencer

RULES = {
    "unused-permission": Rule("unused-permission", Severity.WARNING, Confidence.HIGH, Silencer.INLINE, "", "", ""),
    "missing-method": Rule("missing-method", Severity.ERROR, Confidence.HIGH, Silencer.NOBODY, "", "", ""),
    "vulnerability-data-unavailable": Rule(
        "vulnerability-data-unavailable", Severity.INCOMPLETE, Confidence.HIGH, Silencer.POLICY, "", "", ""
    ),
}


def finding(rule, severity=Severity.ERROR, source="theodore"):
    return Finding(rule, severity, Confidence.HIGH, Location("a.py"), "wrong", source=source)


def weighed(found, **policy):
    return list(weigh([found], Policy("test", **policy), RULES))


@pytest.mark.parametrize("level", ["error", "warning", "notice"])
def test_a_level_replaces_the_severity(level):
    found = finding("unused-permission", Severity.WARNING)
    assert weighed(found, rules={"unused-permission": RuleSetting(level)}) == [replace(found, severity=Severity(level))]


def test_off_removes_the_finding():
    assert weighed(finding("unused-permission"), rules={"unused-permission": RuleSetting("off")}) == []


def test_what_nobody_may_silence_no_policy_turns_off():
    found = finding("missing-method")
    assert weighed(found, rules={"missing-method": RuleSetting("off")}) == [found]


def test_the_owner_may_accept_missing_vulnerability_data():
    found = finding("vulnerability-data-unavailable", Severity.INCOMPLETE)
    (seen,) = weighed(found, rules={"vulnerability-data-unavailable": RuleSetting("warning")})
    assert seen.severity is Severity.WARNING


def test_a_rule_that_is_not_enforced_does_not_block():
    (seen,) = weighed(finding("bandit/B602"), rules={"bandit/B602": RuleSetting("error", enforced=False)})
    assert seen.severity is Severity.WARNING


def test_a_scanner_that_is_not_enforced_does_not_block():
    scanners = {"bandit": ScannerSetting(enforced=False)}
    (theirs,) = weighed(finding("bandit/B602", source="bandit"), scanners=scanners)
    (ours,) = weighed(finding("unused-permission"), scanners=scanners)
    assert (theirs.severity, ours.severity) == (Severity.WARNING, Severity.ERROR)
