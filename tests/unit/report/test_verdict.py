from dataclasses import replace

import pytest

from theodore_plugin.finding import Confidence, Severity, Verdict


@pytest.mark.parametrize(
    ("severities", "verdict"),
    [
        ([], Verdict.PASS),
        ([Severity.WARNING, Severity.NOTICE], Verdict.PASS),
        ([Severity.WARNING, Severity.ERROR], Verdict.FAIL),
        ([Severity.INCOMPLETE], Verdict.INCOMPLETE),
        ([Severity.ERROR, Severity.INCOMPLETE], Verdict.INCOMPLETE),
    ],
)
def test_incomplete_outweighs_fail_outweighs_pass(make_report, undeclared, severities, verdict):
    findings = [replace(undeclared, severity=severity) for severity in severities]
    assert make_report(*findings).verdict is verdict


def test_a_guess_does_not_block(make_report, undeclared):
    assert make_report(replace(undeclared, confidence=Confidence.LOW)).verdict is Verdict.PASS
    assert make_report(replace(undeclared, confidence=Confidence.MEDIUM)).verdict is Verdict.FAIL
