import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

REPOSITORY = Path(__file__).parents[3]
EXPRESSION = re.compile(r"\$\{\{ *([^}]*?) *\}\}")


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session")
def read_yaml(repository):
    return lambda path: YAML(typ="safe").load((repository / path).read_text())


@pytest.fixture(scope="session")
def action(read_yaml):
    return read_yaml(".github/actions/check/action.yml")


class Runner:
    """Runs the shell steps of an action as GitHub's runner does: expressions in ``env``, bash, files for outputs."""

    def __init__(self, action, folder):
        self.action, self.folder = action, folder
        self.temp, self.workspace = folder / "temp", folder / "workspace"
        for created in (self.temp, self.workspace, folder / "home"):
            created.mkdir(mode=0o700)
        self.summary, self.outputs = folder / "summary", folder / "outputs"

    def step(self, name):
        (found,) = [step for step in self.action["runs"]["steps"] if step.get("name") == name]
        return found

    def run(self, name, **inputs):
        step = self.step(name)
        known = {key: str(declared.get("default", "")) for key, declared in self.action["inputs"].items()} | inputs
        context = {f"inputs.{key}": value for key, value in known.items()}
        context["github.action_path"] = str(REPOSITORY / ".github/actions/check")
        environment = {
            name: EXPRESSION.sub(lambda found: context[found[1]], value) for name, value in step["env"].items()
        }
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        for file in (self.summary, self.outputs):
            file.write_text("")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.workspace,
            capture_output=True,
            text=True,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(self.folder / "home"),
                "THEODORE_PLUGIN_HOME": str(self.folder / "home"),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_OUTPUT": str(self.outputs),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                **{name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "COVERAGE_"))},
                **environment,
            },
        )

    def output(self):
        return dict(line.split("=", 1) for line in self.outputs.read_text().splitlines())


@pytest.fixture
def runner(action, tmp_path):
    return Runner(action, tmp_path)


@pytest.fixture
def installed(runner, mypy_base):
    """As if the step before had installed the program: this environment's stands there, and mypy knows the SDK."""
    mypy_base.give(runner.folder / "home")
    programs = runner.temp / "theodore-plugin" / "bin"
    programs.mkdir(parents=True)
    (programs / "theodore-plugin").symlink_to(Path(sys.executable).parent / "theodore-plugin")
    return runner


@pytest.fixture
def plugin(runner):
    """A plugin in the checked out repository that passes as it is."""
    created = create_project(NewProject("page-notes", PluginCategory.EXPORTER, runner.workspace))
    return Path(created)
