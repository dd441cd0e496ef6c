from theodore_plugin.engine.foreign_comments import blanket_comments, type_ignores
from theodore_plugin.facts.model import Blanket
from theodore_plugin.finding import Confidence, Finding, Location, Severity


def finding(rule, severity=Severity.WARNING, related=()):
    return Finding(rule, severity, Confidence.HIGH, Location("a.py", 3), "wrong", related=related)


def comment(text, line=3):
    return Blanket(Location("a.py", line), text)


def test_bare_nosec_and_type_ignore_are_findings_where_the_tool_reports_something():
    comments = [comment("nosec"), comment("type: ignore")]
    findings = [finding("shell-injection", related=("bandit/B602",)), finding("mypy/arg-type")]
    assert [found.rule for found in blanket_comments(comments, findings)] == ["blanket-suppression"] * 2


def test_they_are_nothing_where_the_tool_reports_nothing():
    comments = [comment("nosec", line=4), comment("type: ignore"), comment("noqa")]
    assert list(blanket_comments(comments, [finding("bandit/B602")])) == []


def test_a_type_ignore_with_a_code_silences_that_warning_only():
    findings = [finding("mypy/arg-type"), finding("mypy/return-value")]
    (made,) = type_ignores([comment("type: ignore[arg-type, call-arg]")], findings)
    assert made.rules == ("mypy/arg-type",)
    assert list(blanket_comments([comment("type: ignore[arg-type]")], findings)) == []


def test_a_type_ignore_cannot_silence_an_error_of_the_contract():
    assert list(type_ignores([comment("type: ignore[override]")], [finding("mypy/override", Severity.ERROR)])) == []
