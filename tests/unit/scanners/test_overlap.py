from theodore_plugin.finding import Confidence, Finding, Location, Severity
from theodore_plugin.scanners.overlap import merge

KNOWN = {"dynamic-code-execution", "shell-injection"}


def ours(rule, line, end_line=None):
    return Finding(rule, Severity.ERROR, Confidence.HIGH, Location("a.py", line, 1, end_line), "ours")


def theirs(rule, line, severity=Severity.WARNING):
    return Finding(rule, severity, Confidence.HIGH, Location("a.py", line, 5), "theirs", source="bandit")


def test_the_same_defect_on_the_same_line_is_reported_once_under_our_name():
    (merged,) = merge([ours("dynamic-code-execution", 3)], [theirs("bandit/B307", 3)], KNOWN)
    assert (merged.rule, merged.related, merged.message) == ("dynamic-code-execution", ("bandit/B307",), "ours")


def test_a_defect_only_the_tool_sees_gets_our_name_and_keeps_its_severity():
    (merged,) = merge([ours("shell-injection", 9)][:0], [theirs("bandit/B307", 3)], KNOWN)
    assert (merged.rule, merged.severity) == ("dynamic-code-execution", Severity.WARNING)
    assert merged.related == ("bandit/B307",)


def test_a_rule_we_do_not_have_keeps_the_native_name():
    (merged,) = merge([], [theirs("bandit/B301", 3)], KNOWN)
    assert (merged.rule, merged.related) == ("bandit/B301", ())


def test_two_findings_of_a_tool_on_one_line_stay_two():
    first, second = theirs("mypy/name-defined", 3), theirs("mypy/name-defined", 3)
    assert merge([], [first, second], KNOWN) == (first, second)


def test_different_lines_or_defects_stay_apart_and_in_order():
    merged = merge([ours("dynamic-code-execution", 7)], [theirs("bandit/B602", 7), theirs("bandit/B307", 2)], KNOWN)
    assert [(found.rule, found.location.line) for found in merged] == [
        ("dynamic-code-execution", 2),
        ("dynamic-code-execution", 7),
        ("shell-injection", 7),
    ]


def about_the_result(line):
    message = 'Return type "str" of "health_check" incompatible with return type "HealthStatus" in supertype'
    return Finding("mypy/override", Severity.WARNING, Confidence.MEDIUM, Location("a.py", line, 5), message)


def test_an_override_about_the_result_is_a_return_type_mismatch_or_the_missing_async():
    known = {"return-type-mismatch", "async-mismatch", "signature-mismatch"}
    assert [item.rule for item in merge([], [about_the_result(3)], known)] == ["return-type-mismatch"]
    (merged,) = merge([ours("async-mismatch", 3)], [about_the_result(3)], known)
    assert (merged.rule, merged.related) == ("async-mismatch", ("mypy/override",))


def test_an_override_about_the_parameters_is_a_signature_mismatch():
    (merged,) = merge([], [theirs("mypy/override", 3, Severity.ERROR)], {"signature-mismatch", "return-type-mismatch"})
    assert (merged.rule, merged.severity) == ("signature-mismatch", Severity.ERROR)


SECRET_RULE = {"hardcoded-secret"}


def secret(source, rule, line, severity=Severity.WARNING):
    return Finding(rule, severity, Confidence.MEDIUM, Location("a.py", line, 5), "X = 'hunter2'", source=source)


def test_a_secret_that_three_analysers_see_is_reported_once():
    foreign = [secret("bandit", "bandit/B105", 3), secret("secrets", "secrets/github-token", 3)]
    (merged,) = merge([ours("hardcoded-secret", 3)], foreign, SECRET_RULE)
    assert (merged.rule, merged.related) == ("hardcoded-secret", ("bandit/B105", "secrets/github-token"))


def test_a_secret_that_two_tools_see_is_reported_once_as_gravely_as_the_graver_says():
    foreign = [secret("bandit", "bandit/B105", 3), secret("secrets", "secrets/github-token", 3, Severity.ERROR)]
    (merged,) = merge([], foreign, SECRET_RULE)
    assert (merged.severity, merged.source) == (Severity.ERROR, "secrets")
    assert set(merged.related) == {"bandit/B105", "secrets/github-token"}


def test_two_secrets_of_one_tool_on_one_line_stay_two():
    foreign = [secret("secrets", "secrets/github-token", 3), secret("secrets", "secrets/aws-access-key-id", 3)]
    assert len(merge([], foreign, SECRET_RULE)) == 2


def test_a_password_that_bandit_quotes_is_not_quoted_again():
    (merged,) = merge([], [secret("bandit", "bandit/B105", 3)], SECRET_RULE)
    assert "hunter2" not in merged.message
