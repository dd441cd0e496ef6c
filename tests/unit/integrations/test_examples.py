"""The snippets of the guide and of ``docs/examples/ci`` say what this program understands."""

import re
import shlex
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from theodore_plugin.cli import lock
from theodore_plugin.cli.check import command
from theodore_plugin.cli.program import PROGRAM


def understood(line):
    """Parse a command line as the program would, without running it."""
    words = shlex.split(line)
    assert words[:2] == [PROGRAM, "check"]
    with command.make_context("check", words[2:], obj=object()) as context:
        return context.params


@pytest.fixture
def guide(repository):
    return (repository / "docs/guide/ci.md").read_text()


def test_the_gitlab_job_writes_what_it_declares(read_yaml):
    job = read_yaml("docs/examples/ci/gitlab-ci.yml")["check-plugins"]
    written = {form: str(file) for form, file in understood(job["script"][-1])["outputs"]}
    assert job["artifacts"]["reports"] == {"codequality": written["gitlab"], "junit": written["junit"]}
    assert written["html"] in job["artifacts"]["paths"]
    assert job["artifacts"]["when"] == "always"


def test_the_hook_is_one_that_pre_commit_understands(read_yaml):
    hook, _ = read_yaml(".pre-commit-hooks.yaml")
    params = understood(shlex.join([*shlex.split(hook["entry"]), *hook["args"], "plugins/one/plugin.py"]))
    assert params["output_format"] == "concise"
    assert hook["pass_filenames"]
    assert hook["additional_dependencies"] == [".[toolchain]"]
    named = re.compile(hook["files"])
    assert all(map(named.search, ["a.py", "a.pyi", "plugins/one/pyproject.toml", "pyproject.toml", "pylock.toml"]))
    assert not any(map(named.search, ["README.md", "a.pyc", "my-pyproject.toml", "a.py.txt"]))


def test_the_hook_for_locks_writes_nothing_and_sees_both_files(read_yaml):
    _, hook = read_yaml(".pre-commit-hooks.yaml")
    program, name, *arguments = shlex.split(hook["entry"])
    params = lock.command.make_context(name, arguments).params
    assert (program, name, params["check"], params["path"]) == ("theodore-plugin", "lock", True, Path())
    assert not hook["pass_filenames"]
    assert all(map(re.compile(hook["files"]).search, ["pyproject.toml", "pylock.toml"]))


def test_examples_name_hooks_and_inputs_that_exist(read_yaml, action):
    (repo,) = read_yaml("docs/examples/ci/pre-commit-config.yaml")["repos"]
    assert [hook["id"] for hook in repo["hooks"]] == [hook["id"] for hook in read_yaml(".pre-commit-hooks.yaml")]
    steps = read_yaml("docs/examples/ci/github-workflow.yml")["jobs"]["check"]["steps"]
    assert set(steps[-1]["with"]) <= set(action["inputs"])


def test_the_guide_names_every_input_and_no_other(guide, action):
    section = guide.partition("## GitHub Actions")[2].partition("## GitLab")[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)} == set(action["inputs"])


def test_command_lines_of_the_guide_are_understood(guide):
    lines = re.findall(r"^theodore-plugin check .*$", guide, re.MULTILINE)
    assert lines
    for line in lines:
        assert understood(line)


def test_snippets_of_the_guide_are_yaml(guide, action):
    snippets = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert len(snippets) == 2
    hooks, step = [YAML(typ="safe").load(re.sub(r"<[^>]*>", "x", snippet)) for snippet in snippets]
    assert hooks["repos"][0]["hooks"][0]["id"] == "theodore-plugin-check"
    assert set(step[0]["with"]) <= set(action["inputs"])


def test_a_wrong_line_would_be_noticed():
    with pytest.raises(click.UsageError):
        understood("theodore-plugin check --output nonsense")
