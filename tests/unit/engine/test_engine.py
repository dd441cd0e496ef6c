from dataclasses import replace
from pathlib import Path

import pytest

from theodore_loader.policy.model import RuleSetting, ScannerSetting
from theodore_plugin.advisories.source import AdvisorySource
from theodore_plugin.coverage import State
from theodore_plugin.engine import run
from theodore_plugin.finding import Severity, Verdict
from theodore_plugin.report.json import to_json_dict
from theodore_plugin.scanners.bandit import BanditScanner
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.pip_audit import PipAuditScanner

LOCK = f"""lock-version = "1.0"
created-by = "a test"

[[packages]]
name = "idna"
version = "3.6"
[[packages.wheels]]
name = "idna-3.6-py3-none-any.whl"
url = "https://files.example/idna-3.6-py3-none-any.whl"
hashes = {{sha256 = "{"a" * 64}"}}
"""

BANDIT, MYPY, AUDIT = (BanditScanner(),), (MypyScanner(),), (PipAuditScanner(),)


class Crashing:
    name = "crashing"
    distribution = "bandit"

    def given(self, context):
        return tuple(file.path for file in context.project.files)

    def run(self, tree, context):
        raise ValueError("odd")


def rules(report):
    return [finding.rule for finding in report.findings]


def add(plugin_file, text):
    plugin_file.write_text(plugin_file.read_text() + text)


def test_an_ordinary_project_passes_and_everything_was_looked_at(opened, settings):
    report = run(opened(), settings())
    assert report.verdict is Verdict.PASS, rules(report)
    assert [coverage.analyser for coverage in report.coverage] == [
        "theodore",
        "bandit",
        "mypy",
        "pip-audit",
        "secrets",
    ]
    assert not any(coverage.failed for coverage in report.coverage)
    assert {scan.status for scan in report.scanners} == {"ok"}


def test_the_report_does_not_depend_on_timing(opened, settings, plugin_file):
    add(plugin_file, "\n\ndef f(x: str) -> object:\n    return eval(x)\n")

    def values():
        report = replace(run(opened(), settings(), scanners=BANDIT), seconds=0.0)
        return to_json_dict(replace(report, scanners=tuple(replace(scan, seconds=0.0) for scan in report.scanners)))

    assert values() == values()


def test_our_rule_and_the_tools_say_one_thing_once(opened, settings, plugin_file):
    add(plugin_file, "\n\ndef f(x: str) -> object:\n    return eval(x)\n")
    report = run(opened(), settings(), scanners=BANDIT)
    evals = [finding for finding in report.findings if finding.rule == "dynamic-code-execution"]
    assert [finding.related for finding in evals] == [("bandit/B307",)]
    assert report.verdict is Verdict.FAIL


def test_a_crash_outweighs_findings_but_hides_none(opened, settings, plugin_file):
    add(plugin_file, "\n\ndef f(x: str) -> object:\n    return eval(x)\n")
    report = run(opened(), settings(), scanners=(Crashing(),))
    assert report.verdict is Verdict.INCOMPLETE
    assert {"analyzer-failed", "dynamic-code-execution"} <= set(rules(report))


def test_a_scanner_the_policy_does_not_require_may_fail_in_plain_sight(opened, settings):
    policy = replace(settings().policy, scanners={"crashing": ScannerSetting(required=False)})
    report = run(opened(), settings(policy=policy), scanners=(Crashing(),))
    (finding,) = (found for found in report.findings if found.rule == "analyzer-failed")
    assert finding.severity is Severity.NOTICE
    assert "does not require crashing" in finding.message
    assert report.verdict is Verdict.PASS


def test_a_broken_file_makes_the_check_incomplete_and_is_named(opened, settings, plugin_file):
    plugin_file.with_name("broken.py").write_text("def (\n")
    report = run(opened(), settings(), scanners=BANDIT)
    assert report.verdict is Verdict.INCOMPLETE
    failed = {coverage.analyser: [entry.path for entry in coverage.failed] for coverage in report.coverage}
    assert failed["theodore"] == failed["bandit"] == ["src/page_notes/broken.py"]


def test_an_accepted_suppression_is_in_the_report(opened, settings, plugin_file):
    comment = '# theodore: ignore[bandit/B310] reason="a test"'
    source = "\n\ndef f(x: str) -> object:\n    import urllib.request\n\n    return urllib.request.urlopen(x)  "
    add(plugin_file, source + comment + "\n")
    report = run(opened(), settings(), scanners=BANDIT)
    (record,) = report.suppressions
    assert (record.reason, [found.rule for found in record.silenced]) == ("a test", ["bandit/B310"])
    assert "bandit/B310" not in rules(report)


def test_bare_comments_of_the_tools_silence_nothing(opened, settings, plugin_file):
    add(plugin_file, "\n\ndef f(x: str) -> int:\n    eval(x)  # nosec\n    return x  # type: ignore\n")
    report = run(opened(), settings())
    found = rules(report)
    assert found.count("blanket-suppression") == 2
    assert {"dynamic-code-execution", "mypy/return-value"} <= set(found)


def test_a_type_ignore_with_a_code_is_a_recorded_suppression(opened, settings, plugin_file):
    add(plugin_file, "\n\ndef f(x: str) -> int:\n    return x  # type: ignore[return-value]\n")
    report = run(opened(), settings(), scanners=MYPY)
    assert "mypy/return-value" not in rules(report)
    assert [record.rules for record in report.suppressions] == [("mypy/return-value",)]


def test_the_policy_sets_levels(opened, settings, plugin_file):
    add(plugin_file, "\n\ndef f(x: str) -> int:\n    return x\n")
    policy = replace(settings().policy, rules={"mypy/return-value": RuleSetting("error")})
    report = run(opened(), settings(policy=policy), scanners=MYPY)
    assert report.verdict is Verdict.FAIL


def test_vulnerable_pins_of_the_lock_fail_the_check(opened, settings, project_folder):
    (project_folder / "pylock.toml").write_text(LOCK)
    source = AdvisorySource.parse(str(Path(__file__).parents[2] / "data" / "advisories.jsonl"))
    report = run(opened(), settings(advisories=source), scanners=AUDIT)
    assert "known-vulnerability" in rules(report)
    assert report.verdict is Verdict.FAIL
    assert report.advisories.digest


def test_a_lock_handed_over_wins_over_the_projects(opened, settings, project_folder):
    (project_folder / "pylock.toml").write_text(LOCK)
    source = AdvisorySource.parse(str(Path(__file__).parents[2] / "data" / "advisories.jsonl"))
    report = run(opened(), settings(advisories=source, lock=LOCK.replace("3.6", "3.7").encode()), scanners=AUDIT)
    assert "known-vulnerability" not in rules(report)


def test_progress_is_told_each_step_started_and_ended(opened, settings):
    events = []
    run(opened(), settings(), watch=lambda step, event: events.append((step, event)))
    steps = ["theodore", "bandit", "mypy", "pip-audit", "secrets"]
    assert sorted(step for step, event in events if event == "started") == sorted(steps)
    assert sorted(step for step, event in events if event != "started") == sorted(steps)


def test_progress_is_told_what_the_rules_found_before_the_scanners_end(opened, settings, plugin_file):
    plugin_file.with_name("extra.py").write_text("eval(input())\n")
    said = {}
    run(opened(), settings(), watch=said.__setitem__)
    assert said["theodore"].startswith("2 errors")
    assert "src/page_notes/extra.py:1:1: dynamic-code-execution" in said["theodore"].splitlines()


@pytest.fixture
def booby_trapped(project_folder, plugin_file, tmp_path):
    """The tree whose every hook would leave a canary if anything of it ran."""
    canary = tmp_path / "canary"
    trap = f"open({str(canary)!r}, 'a').close()\n"
    files = {
        ".bandit": "[bandit]\nskips = B307\nexclude = /src\n",
        "mypy.ini": "[mypy]\nplugins = evil\n",
        "evil.py": trap,
        "conftest.py": trap,
        "setup.py": trap,
        "sitecustomize.py": trap,
        "src/sitecustomize.py": trap,
        "src/page_notes/conftest.py": trap,
    }
    for name, text in files.items():
        (project_folder / name).write_text(text)
    pyproject = project_folder / "pyproject.toml"
    bomb = tmp_path / "bomb"
    bomb.mkdir()
    (bomb / "setup.py").write_text(trap)
    text = pyproject.read_text()
    text = text.replace("dependencies = []", f'dependencies = ["bomb @ file://{bomb}"]')
    text = text.replace("[tool.mypy]", '[tool.bandit]\nskips = ["B307"]\n\n[tool.mypy]\nplugins = ["evil"]')
    assert "bomb @" in text
    assert "evil" in text
    pyproject.write_text(text)
    add(plugin_file, "\n\ndef f(x: str) -> int:\n    eval(x)  # nosec\n    return x\n")
    return canary


def test_nothing_of_the_target_runs_and_nothing_of_it_silences(booby_trapped, opened, settings):
    report = run(opened(), settings())
    assert not booby_trapped.exists()
    found = set(rules(report))
    assert {"dynamic-code-execution", "mypy/return-value"} <= found
    named = {str(f.location.path) for f in report.findings if f.rule == "target-tool-config-ignored"}
    assert {".bandit", "mypy.ini", "conftest.py", "setup.py", "sitecustomize.py", "pyproject.toml"} <= named
    assert report.verdict is not Verdict.PASS


def test_every_account_covers_every_python_file(booby_trapped, opened, settings):
    project = opened()
    report = run(project, settings())
    shipped = {file.path for file in project.files}
    for coverage in report.coverage:
        if coverage.unit == "file":
            assert shipped <= {entry.path for entry in coverage.entries}
            assert all(coverage.count(state) >= 0 for state in State)
