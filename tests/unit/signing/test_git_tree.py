"""Which commit a tree is, told without running what its repository would like to run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.packaging.build_record import BuildRecord, find_record, leave_record, record_path
from theodore_plugin.packaging.facts import BuildFacts
from theodore_plugin.packaging.git_tree import read_git, tree_at


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "repository" / "plugin"
    (root / "src").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "src" / "plugin.py").write_text("x = 1\n")
    (root / ".editorconfig").write_text("root = true\n")
    git(root.parent, "init", "-q")
    git(root.parent, "remote", "add", "origin", "https://user:secret@github.com/acme/hello.git")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-qm", "x")
    return root


def test_a_clean_tree_is_its_commit_and_no_credential_is_named(project: Path) -> None:
    tree = read_git(project)
    assert (tree.repository, tree.commit, tree.changed) == (
        "https://github.com/acme/hello", git(project, "rev-parse", "HEAD"), None,
    )  # fmt: skip
    assert tree_at(project, "HEAD") == tree


def test_what_no_build_reads_may_differ(project: Path) -> None:
    (project / ".env").write_text("SECRET=1")
    (project / "dist").mkdir()
    (project / "dist" / "old.whl").write_text("old")
    (project.parent / "elsewhere.py").write_text("in the repository, not in the plugin")
    assert read_git(project).changed is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: (root / "src" / "plugin.py").write_text("x = 2\n"), "src/plugin.py"),
        (lambda root: (root / "src" / "new.py").write_text(""), "src/new.py"),
        (lambda root: (root / "src" / "plugin.py").unlink(), "src/plugin.py"),
        (lambda root: git(root, "mv", "pyproject.toml", "other.toml"), "other.toml"),
    ],
    ids=["edited", "added", "removed", "renamed"],
)
def test_a_changed_tree_names_the_first_change(change, named: str, project: Path) -> None:
    change(project)
    tree = read_git(project)
    assert (tree.changed, tree.commit) == (named, git(project, "rev-parse", "HEAD"))


def test_a_file_staged_as_unchanged_is_still_looked_at(project: Path) -> None:
    git(project, "update-index", "--assume-unchanged", "src/plugin.py")
    (project / "src" / "plugin.py").write_text("import os\n")
    assert read_git(project).changed == "src/plugin.py"


def test_nothing_the_repository_configures_is_run(project: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    run = tmp_path / "run.sh"
    run.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    run.chmod(0o755)
    (project / ".gitattributes").write_text("*.py filter=evil\n")
    for name, value in (
        ("core.fsmonitor", str(run)),
        ("filter.evil.clean", str(run)),
        ("filter.evil.process", str(run)),
        ("core.sshCommand", str(run)),
        ("core.pager", str(run)),
    ):
        git(project, "config", name, value)
    (project / "src" / "plugin.py").write_text("x = 3\n")
    assert read_git(project).changed == "src/plugin.py"
    assert not mark.exists()


def test_where_there_is_no_commit_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "plugin").mkdir()
    assert read_git(tmp_path / "plugin") is None
    git(tmp_path, "init", "-q")
    assert read_git(tmp_path / "plugin") is None


def test_a_remote_that_is_a_folder_is_not_named(project: Path) -> None:
    git(project, "remote", "set-url", "origin", "/srv/hello.git")
    assert read_git(project).repository is None


def note(path: Path) -> BuildRecord:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    record = BuildRecord("a" * 64, None, BuildFacts("hatchling.build", (), "3.11.9", 10**9), now, now, "0.1.0", True)
    leave_record(path, record)
    return record


def test_a_note_is_read_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    record = note(path)
    assert find_record(path, "a" * 64).record == record
    assert find_record(path, "b" * 64).record is None
    record_path(path).unlink()
    assert "no x-1-py3-none-any.whl.build.json" in find_record(path, "a" * 64).lack


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-10],
        lambda text: text.replace('"schema":1', '"schema":2'),
        lambda text: text.replace('"schema":1', '"schema":1,"more":1'),
        lambda text: text.replace('"schema":1', '"schema":1,"schema":1'),
        lambda text: text.replace('"tool":"0.1.0"', '"tool":7'),
        lambda text: " " * (2 << 20),
    ],
)
def test_a_damaged_note_is_named(damage, tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    note(path)
    record_path(path).write_text(damage(record_path(path).read_text()))
    with pytest.raises(ConfigurationProblem, match=r"build\.json"):
        find_record(path, "a" * 64)
