"""``check --scanner FILE``: a scanner of one's own, from the command line to the exit code."""

import json
import sys
from pathlib import Path

import pytest

from theodore_plugin.cli import main

POLICY = """\
schema: 1
name: acme
extends: default
scanners:
  mypy: {enabled: false}
  bandit: {enabled: false}
  secrets: {enabled: false}
  pip-audit: {enabled: false}
"""
DEFINITION = """\
schema: 1
name: mine
command: ["{python}", -I, -S, SCRIPT, "{files}"]
version: ["{python}", --version]
read: [SCRIPT]
results: {file: file, line: line, rule: rule, message: message, severity: error, confidence: high}
"""
FINDS = """\
import json, sys
print(json.dumps([{"file": sys.argv[1], "line": 1, "rule": "M1", "message": "seen"}]))
"""


@pytest.fixture
def mine(tmp_path):
    def define(code=FINDS, definition=DEFINITION):
        script, path = tmp_path / "mine.py", tmp_path / "mine.yaml"
        script.write_text(code)
        path.write_text(definition.replace("SCRIPT", str(script)))
        return path

    return define


@pytest.fixture
def check(project_folder, tmp_path, capsys):
    policy = tmp_path / "acme.yaml"
    policy.write_text(POLICY)

    def call(*arguments):
        command = [
            "check",
            str(project_folder),
            "--policy",
            str(policy),
            "--output-format",
            "json",
            *map(str, arguments),
        ]
        code = main(command)
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {}, err

    return call


def test_its_findings_and_its_run_are_in_the_report_and_in_the_exit_code(check, mine):
    code, report, _ = check("--scanner", mine())
    (finding,) = [one for one in report["findings"] if one["source"] == "mine"]
    assert (code, finding["rule"], finding["blocks"]) == (1, "mine/M1", True)
    (ran,) = [one for one in report["scanners"] if one["name"] == "mine"]
    assert (ran["status"], ran["version"]) == ("ok", f"Python {sys.version.split()[0]}")


def test_its_rules_are_taken_out_by_name_as_any_other(check, mine):
    code, report, _ = check("--scanner", mine(), "--ignore", "mine/M1")
    assert (code, [one for one in report["findings"] if one["source"] == "mine"]) == (0, [])


def test_what_it_found_is_never_answered_from_what_is_kept(check, mine):
    path = mine()
    assert check("--scanner", path)[0] == 1
    mine("print('[]')")
    assert check("--scanner", path)[0] == 0


def test_one_that_cannot_run_makes_the_check_incomplete(check, mine):
    code, report, _ = check("--scanner", mine(definition=DEFINITION.replace('"{python}"', "no-such-program")))
    (finding,) = [one for one in report["findings"] if one["subject"] == "mine"]
    assert (code, finding["message"]) == (4, "mine: program not found: no-such-program")


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        (DEFINITION.replace("command", "comand"), "did you mean command?"),
        (DEFINITION.replace("name: mine", "name: mypy"), "'mypy' is the name of an analyser that is built in"),
        ("schema: [", "not YAML"),
    ],
    ids=["key", "name", "syntax"],
)
def test_a_definition_with_mistakes_is_wrong_usage(check, mine, definition, says):
    code, _, err = check("--scanner", mine(definition=definition))
    assert code == 2
    assert says in err
    assert "help:" in err


def test_a_file_that_is_not_there_is_wrong_usage(check):
    code, _, err = check("--scanner", Path("gone.yaml"))
    assert code == 2
    assert "cannot read the definition of a scanner gone.yaml" in err
