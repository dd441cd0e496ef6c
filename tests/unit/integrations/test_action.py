"""The composite action under ``.github/actions/check``: its text, and its shell steps run for real."""

import json
import re
from pathlib import Path

import pytest

EVAL = "\n\ndef f(x: str) -> object:\n    return eval(x)\n"


def test_everything_that_is_used_is_pinned_by_commit(action, read_yaml):
    example = read_yaml("docs/examples/ci/github-workflow.yml")["jobs"]["check"]["steps"]
    used = [step["uses"] for step in [*action["runs"]["steps"], *example] if "uses" in step]
    assert len(used) == 4
    for name in used:
        assert re.search(r"@([0-9a-f]{40}|COMMIT)$", name), name


def test_no_input_is_put_into_a_script(action):
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_every_input_is_read_and_every_output_is_written(action):
    text = json.dumps(action["runs"])
    assert all(f"inputs.{name}" in text for name in action["inputs"])
    (check,) = [step for step in action["runs"]["steps"] if step.get("id") == "check"]
    for name in action["outputs"]:
        assert f"{name}=" in check["run"] or f"for form in sarif {name}" in check["run"] or name == "sarif"


def test_a_pass_annotates_and_fills_the_summary(installed, plugin):
    done = installed.run("Check", paths=plugin.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("::notice title=theodore-plugin::pass: page-notes")
    assert installed.summary.read_text().startswith("## ✅ pass: page-notes")
    output = installed.output()
    assert output["exit-code"] == "0"
    assert json.loads(Path(output["sarif"]).read_bytes())["version"] == "2.1.0"


def test_findings_fail_the_step_and_leave_everything_to_look_at(installed, plugin):
    source = plugin / "src" / "page_notes" / "plugin.py"
    source.write_text(source.read_text() + EVAL)
    done = installed.run("Check", paths=plugin.name)
    assert done.returncode == 1
    assert "file=page-notes/src/page_notes/plugin.py,line=" in done.stdout
    assert installed.summary.read_text().startswith("## ❌ fail: page-notes")
    assert installed.output()["exit-code"] == "1"
    assert json.loads(Path(installed.output()["json"]).read_bytes())["verdict"] == "fail"


def test_what_cannot_be_checked_says_so_in_the_summary(installed):
    done = installed.run("Check", paths="missing")
    assert done.returncode == 2
    assert "no such file or folder" in done.stderr
    assert "could not check anything (exit code 2)" in installed.summary.read_text()
    assert installed.output() == {"exit-code": "2"}


def test_several_paths_and_further_arguments(installed, plugin):
    other = plugin.rename(plugin.with_name("with a space"))
    done = installed.run("Check", paths=f"{other.name}\n\n", args="--min-severity\nwarning\n", policy="strict")
    assert installed.output()["exit-code"] == str(done.returncode)
    assert "under policy strict" in done.stdout


HOSTILE = [
    '$(touch "$GITHUB_WORKSPACE/owned")',
    '"; touch owned; "',
    "`touch owned`",
    "--exit-zero",
    "-h",
    "a\nb; touch owned",
]


@pytest.mark.parametrize("text", HOSTILE, ids=["substitution", "quotes", "backticks", "option", "help", "lines"])
def test_an_input_is_never_more_than_data(installed, text):
    for name in ("paths", "policy", "advisories"):
        done = installed.run("Check", **({"paths": "."} | {name: text}))
        assert done.returncode != 0
        assert list(installed.workspace.iterdir()) == []


@pytest.mark.parametrize(
    "specifier",
    [" @ https://evil.example/x.whl", "==1.0; rm -rf /", "==1.0 --index-url=https://evil.example", "$(id)", "-r x"],
    ids=["url", "command", "option", "substitution", "file"],
)
def test_what_is_no_version_is_not_installed(runner, specifier):
    done = runner.run("Install theodore-plugin", version=specifier)
    assert done.returncode == 2
    assert done.stdout.startswith("::error title=theodore-plugin::")
    assert list(runner.temp.iterdir()) == []


@pytest.mark.registry
@pytest.mark.e2e
def test_the_code_of_the_commit_is_what_is_installed(runner, plugin):
    done = runner.run("Install theodore-plugin")
    assert done.returncode == 0, done.stderr
    assert runner.run("Check", paths=plugin.name).returncode == 0
