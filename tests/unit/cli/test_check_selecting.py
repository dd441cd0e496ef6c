"""The options of ``check`` that say what is reported, as users type them."""

import json

import pytest

from theodore_plugin.cli import main

RISKY = "\n\nimport hashlib\n\n\ndef digest(text: bytes) -> bytes:\n    return hashlib.md5(text).digest()\n"
EVAL = "\n\ndef compute(text: str) -> object:\n    return eval(text)\n"


@pytest.fixture
def check(project_folder, capfd):
    """Run the command; return exit code, report and what was said on standard error."""

    def run(*options, path=project_folder):
        code = main(["check", str(path), "--advisories", "off", "--output-format", "json", *options])
        printed = capfd.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return run


@pytest.fixture
def risky(plugin_file):
    plugin_file.write_text(plugin_file.read_text() + RISKY + EVAL)


def rules(report):
    return {finding["rule"] for finding in report["findings"]}


@pytest.mark.usefixtures("risky")
def test_an_ignored_error_leaves_a_verdict_over_selected_rules_only(check):
    code, report, _ = check()
    assert (code, report["verdict"], report["selection"]) == (1, "fail", None)
    code, report, _ = check("--ignore", "dynamic-code-execution,undeclared-permission")
    assert (code, report["verdict"]) == (0, "pass")
    assert report["selection"]["asked"] == ["--ignore dynamic-code-execution", "--ignore undeclared-permission"]
    assert report["selection"]["blocking"] == report["selection"]["taken_out"] > 0


@pytest.mark.usefixtures("risky")
def test_a_threshold_shows_less_and_decides_nothing(check):
    whole, quiet = check(), check("--min-severity", "error")
    assert whole[0] == quiet[0] == 1
    assert "weak-crypto" in rules(whole[1]) - rules(quiet[1])
    assert (quiet[1]["selection"], quiet[1]["hidden_by"]) == (None, ["--min-severity error"])


def test_a_misspelt_rule_is_wrong_usage_with_the_nearest_name(check):
    code, report, said = check("--select", "permisions")
    assert (code, report) == (2, None)
    assert "did you mean 'permissions'" in said


def test_what_the_policy_enforces_cannot_be_ignored_and_the_line_is_named(check, tmp_path):
    policy = tmp_path / "acme.yaml"
    policy.write_text("schema: 1\nname: acme\nextends: default\nrules:\n  weak-crypto: error\n")
    code, _, said = check("--policy", str(policy), "--ignore", "weak-crypto")
    assert code == 2
    assert "policy acme enforces weak-crypto (acme.yaml:5)" in said


@pytest.mark.usefixtures("risky")
def test_a_baseline_quiets_what_is_known_and_reports_what_is_new(check, plugin_file, tmp_path):
    baseline = tmp_path / "baseline.json"
    code, written, said = check("--write-baseline", str(baseline))
    assert f"{baseline}: " in said
    assert "undeclared-permission" in rules(written)  # nobody may silence it, whatever was written
    assert code == 1
    plugin_file.write_text("# moved\n" + plugin_file.read_text() + "\n\nVALUE = hashlib.md5(b'new').digest()\n")
    _, report, _ = check("--baseline", str(baseline))
    assert [found["location"]["line"] for found in report["findings"] if found["rule"] == "weak-crypto"] == [
        len(plugin_file.read_text().splitlines())
    ]
    assert {found["rule"] for found in report["baselined"]} >= {"dynamic-code-execution", "weak-crypto"}


@pytest.mark.usefixtures("risky")
def test_an_entry_without_a_finding_is_a_notice_until_the_file_is_written_anew(check, plugin_file, tmp_path):
    baseline = tmp_path / "baseline.json"
    check("--write-baseline", str(baseline))
    plugin_file.write_text(plugin_file.read_text().replace(RISKY, ""))
    _, report, _ = check("--baseline", str(baseline))
    assert "unused-baseline-entry" in rules(report)
    check("--baseline", str(baseline), "--write-baseline", str(baseline))
    _, report, _ = check("--baseline", str(baseline))
    assert "unused-baseline-entry" not in rules(report)


def test_nothing_is_written_down_about_what_was_not_looked_at(check, plugin_file, tmp_path):
    plugin_file.write_text("def broken(:\n")
    baseline = tmp_path / "baseline.json"
    code, _, said = check("--write-baseline", str(baseline))
    assert (code, baseline.exists()) == (4, False)
    assert "was not written: the check is incomplete" in said


def test_a_baseline_of_selected_rules_is_refused(check, tmp_path):
    code, _, said = check("--write-baseline", str(tmp_path / "baseline.json"), "--ignore", "weak-crypto")
    assert code == 2
    assert "cannot be combined" in said


def test_a_damaged_baseline_is_wrong_usage_with_the_line(check, tmp_path):
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"schema": 1,\n "projects": {"page-notes": [{}]}}\n')
    code, _, said = check("--baseline", str(baseline))
    assert code == 2
    assert f"{baseline}:2: " in said


def test_any_package_can_be_checked_as_a_library(check, tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "pyproject.toml").write_text('[project]\nname = "shelf"\nversion = "1"\n')
    (shelf / "shelf.py").write_text("def add(one, other):\n    return one + other\n")
    assert check(path=shelf)[0] == 1
    code, report, _ = check("--as-library", path=shelf)
    assert (code, report["verdict"]) == (0, "pass")
    assert "manifest-missing" in report["not_run"]
