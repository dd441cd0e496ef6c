"""What a policy accepts of one plugin: taken out, recorded, and reported when it no longer applies."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import PolicyException, RuleSetting
from theodore_plugin.engine import run
from theodore_plugin.engine.exceptions import except_findings
from theodore_plugin.finding import Confidence, Finding, Location, Severity, Verdict
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.book import rule_book

TODAY = date(2026, 6, 1)
EXCEPTION = PolicyException(
    ("shell-injection",), "argv is fixed", "platform@acme.example", date(2026, 6, 1), "acme.yaml:9", "page-notes"
)
FOUND = Finding(
    "shell-injection", Severity.ERROR, Confidence.HIGH, Location("src/a/run.py", 3), "shell", subject="a.run.go"
)


def project(name: str = "Page_Notes", sha256: str | None = None) -> PluginProject:
    text = f'[project]\nname = "{name}"\nversion = "1"\n'
    files = {"pyproject.toml": text.encode(), "src/a/__init__.py": b""}
    return replace(PluginProject.from_files(files), sha256=sha256)


def excepted(findings, *exceptions, of=None, today=TODAY):
    policy = Policy("acme", exceptions=exceptions)
    return except_findings(findings, policy, of or project(), rule_book(), today)


def test_what_is_accepted_is_taken_out_and_recorded() -> None:
    result = excepted([FOUND], EXCEPTION)
    assert result.findings == ()
    [record] = result.records
    assert (record.excepted, record.owner, record.place) == ((FOUND,), "platform@acme.example", "acme.yaml:9")


def test_its_last_day_counts_and_the_day_after_does_not() -> None:
    assert excepted([FOUND], EXCEPTION, today=date(2026, 6, 1)).findings == ()
    late = excepted([FOUND], EXCEPTION, today=date(2026, 6, 2))
    assert [finding.rule for finding in late.findings] == ["shell-injection", "policy-exception-expired"]
    assert "acme.yaml:9" in late.findings[1].message
    assert "platform@acme.example" in (late.findings[1].help or "")
    assert late.records[0].excepted == ()


def test_each_rule_that_nothing_reports_is_said() -> None:
    result = excepted([FOUND], replace(EXCEPTION, rules=("shell-injection", "path-traversal", "bandit/B310")))
    assert [finding.rule for finding in result.findings] == ["policy-exception-unused"] * 2
    assert "path-traversal" in result.findings[0].message
    assert "bandit/B310" in result.findings[1].message


@pytest.mark.parametrize(
    ("exception", "taken"),
    [
        (replace(EXCEPTION, path="src/a/*.py"), True),
        (replace(EXCEPTION, path="src/b/*.py"), False),
        (replace(EXCEPTION, subject="a.run.*"), True),
        (replace(EXCEPTION, subject="a.stop.*"), False),
        (replace(EXCEPTION, path="src/a/run.py", subject="a.stop"), False),
    ],
    ids=["path", "other-path", "subject", "other-subject", "both-needed"],
)
def test_path_and_subject_narrow_it(exception: PolicyException, taken: bool) -> None:
    assert (FOUND not in excepted([FOUND], exception).findings) is taken


@pytest.mark.parametrize(
    ("exception", "of"),
    [
        (replace(EXCEPTION, plugin="page-note"), project()),
        (replace(EXCEPTION, plugin=None, sha256="a" * 64), project()),
        (replace(EXCEPTION, plugin=None, sha256="a" * 64), project(sha256="b" * 64)),
    ],
    ids=["other-name", "a-tree-has-no-digest", "other-bytes"],
)
def test_exceptions_of_others_are_silent(exception: PolicyException, of: PluginProject) -> None:
    result = excepted([FOUND], exception, of=of)
    assert (result.findings, result.records) == ((FOUND,), ())


def test_bytes_are_meant_exactly() -> None:
    exact = replace(EXCEPTION, plugin=None, sha256="a" * 64)
    assert excepted([FOUND], exact, of=project(sha256="a" * 64)).findings == ()


@pytest.mark.parametrize(
    "finding",
    [
        replace(FOUND, severity=Severity.INCOMPLETE),
        replace(FOUND, rule="undeclared-permission"),
    ],
    ids=["incomplete", "nobody-may-silence"],
)
def test_some_things_are_never_taken_out(finding: Finding) -> None:
    result = excepted([finding], replace(EXCEPTION, rules=("shell-injection", "undeclared-permission")))
    assert finding in result.findings


def test_a_whole_check_weighs_what_exceptions_leave_and_says(project_folder: Path, opened, settings) -> None:
    plugin = project_folder / "src" / "page_notes" / "plugin.py"
    plugin.write_text(plugin.read_text() + "\n\ndef risky(text: str) -> object:\n    return eval(text)\n")
    accepted = PolicyException(
        ("dynamic-code-execution",), "reviewed", "sec@acme.example", date(9999, 1, 1), "acme.yaml:4", "page-notes"
    )
    stale = replace(accepted, rules=("shell-injection",))
    levels = {"policy-exception-unused": RuleSetting("notice")}
    policy = replace(settings().policy, exceptions=(accepted, stale), rules=levels)
    without = run(opened(), settings(), scanners=())
    assert "dynamic-code-execution" in {finding.rule for finding in without.findings}
    report = run(opened(), settings(policy=policy), scanners=())
    assert "dynamic-code-execution" not in {finding.rule for finding in report.findings}
    [unused] = [finding for finding in report.findings if finding.rule == "policy-exception-unused"]
    assert unused.severity is Severity.NOTICE
    assert [len(record.excepted) for record in report.exceptions] == [1, 0]
    assert report.verdict is not Verdict.INCOMPLETE
