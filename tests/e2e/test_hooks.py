"""``.pre-commit-hooks.yaml``: pre-commit and prek install this repository and check real commits of another one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

pytestmark = [pytest.mark.e2e, pytest.mark.registry]
REPOSITORY = Path(__file__).parents[2]
EVAL = "\n\ndef f(x: str) -> object:\n    return eval(x)\n"


def git(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.fixture(scope="session")
def hook_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it stands, files that are not committed yet included, as a repository of one commit."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is no git checkout")
    folder = tmp_path_factory.mktemp("hooks") / "theodore-plugin"
    listed = git(REPOSITORY, dict(os.environ), "ls-files", "--cached", "--others", "--exclude-standard", "-z").stdout
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        assert git(folder, dict(os.environ), *command).returncode == 0
    return folder


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with both runners; skips where no registry answers."""
    folder = tmp_path_factory.mktemp("tools")
    venv.create(folder, with_pip=True)
    done = subprocess.run(
        [folder / "bin/python", "-m", "pip", "install", "--quiet", "pre-commit", "prek"], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"pre-commit and prek cannot be installed here: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "bin"


@pytest.fixture(params=["pre-commit", "prek"])
def commit(
    request: pytest.FixtureRequest, tools: Path, hook_repository: Path, tmp_path: Path
) -> tuple[Path, Callable[[], subprocess.CompletedProcess[str]]]:
    """A repository with two plugins and the hook installed, and what commits everything in it."""
    state, folder = tmp_path / "state", tmp_path / "repository"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(state / "pre-commit"),
        "PREK_HOME": str(state / "prek"),
        "THEODORE_PLUGIN_HOME": str(state / "home"),
    }
    (state / "home").mkdir(parents=True, mode=0o700)
    (folder / "plugins").mkdir(parents=True)
    for name in ("page-notes", "page-lists"):
        project = create_project(NewProject(name, PluginCategory.EXPORTER, folder / "plugins"))
        (Path(project) / ".pre-commit-config.yaml").unlink()  # prek would run the hooks of every folder that has one
    head = git(hook_repository, environment, "rev-parse", "HEAD").stdout.strip()
    (folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hook_repository}\n    rev: {head}\n    hooks:\n      - id: theodore-plugin-check\n"
    )
    git(folder, environment, "init", "-q")
    installed = subprocess.run(
        [tools / request.param, "install"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr

    def everything() -> subprocess.CompletedProcess[str]:
        git(folder, environment, "add", "-A")
        return git(folder, environment, "commit", "-m", "change")

    return folder, everything


@pytest.mark.skipif(sys.platform != "linux", reason="the hook is installed with the sandbox of this system")
def test_a_commit_is_checked_and_refused_for_what_it_touches(
    commit: tuple[Path, Callable[[], subprocess.CompletedProcess[str]]],
) -> None:
    folder, everything = commit
    done = everything()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "theodore-plugin check" in done.stdout + done.stderr
    assert "Passed" in done.stdout + done.stderr

    plugin = folder / "plugins/page-notes/src/page_notes/plugin.py"
    plugin.write_text(plugin.read_text() + EVAL)
    done = everything()
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "error[dynamic-code-execution]" in said
    assert "fail: page-notes" in said
    assert "page-lists" not in said

    plugin.write_text(plugin.read_text().removesuffix(EVAL))
    (folder / "notes.txt").write_text("no source")
    done = everything()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipped" in done.stdout + done.stderr
