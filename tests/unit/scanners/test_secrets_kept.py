"""What was searched before is not searched again, and never stands in for what has changed."""

import os

import pytest

from theodore_loader.policy import Policy
from theodore_plugin.coverage import State
from theodore_plugin.engine.steps import scanner_step
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.scanners.secrets import SecretsScanner
from theodore_plugin.settings import Settings

GITHUB = "ghp_Zq3Vx81KmPw07TnLcR5yBs94GhJd62FeAu0X"
FILES = {
    "src/demo/__init__.py": "X = 1\n",
    "src/demo/a.yaml": f"x: {GITHUB}\n",
    "src/demo/logo.png": b"\x89PNG\0\0",
    "data/large.csv": "1,2,3\n" * 100_000,
    "README.md": "hello\n",
}


@pytest.fixture
def search(write_project, monkeypatch, tmp_path):
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))

    def go(files, prepare=lambda root: None):
        root = write_project(files)
        prepare(root)
        project = PluginProject.open(root)
        context = ScanContext(project, Settings(policy=Policy("x")), 60.0)
        with clean_tree(project) as tree:
            return scanner_step(SecretsScanner(), tree, context)

    return go


def places(step):
    return [(str(found.location), found.severity.value) for found in step.result.findings]


def states(step):
    return {entry.path: entry.state for entry in step.result.coverage.entries}


def test_a_second_search_gives_the_same_answer(search):
    first, second = search(FILES), search({})
    assert (first.run.status, second.run.status) == ("ok", "ok")
    assert places(first) == places(second) == [("src/demo/a.yaml:1:4", "error")]
    assert states(first) == states(second)


def test_what_was_changed_is_searched_again_and_the_rest_is_kept(search):
    search(FILES)
    changed = search({"README.md": f"{GITHUB}\n", "src/demo/b.txt": f"{GITHUB}\n"})
    assert places(changed) == [
        ("README.md:1:1", "warning"),
        ("src/demo/a.yaml:1:4", "error"),
        ("src/demo/b.txt:1:1", "error"),
    ]
    assert changed.run.status == "ok"


def test_a_file_that_is_shipped_now_is_judged_anew(search):
    search({"demo/__init__.py": "", "other/a.yaml": f"x: {GITHUB}\n", "other/__init__.py": ""})
    moved = search({"src/demo/__init__.py": ""})  # with a src folder nothing else is shipped
    assert ("other/a.yaml:1:4", "warning") in places(moved)


def test_a_file_that_became_binary_large_or_text_is_accounted_for_as_it_is_now(search):
    search(FILES)
    now = search({"src/demo/a.yaml": b"\0\0", "src/demo/logo.png": f"{GITHUB}\n", "data/large.csv": f"{GITHUB}\n"})
    assert states(now)["src/demo/a.yaml"] is State.SKIPPED
    assert places(now) == [("data/large.csv:1:1", "warning"), ("src/demo/logo.png:1:1", "error")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_any_more_is_coverage_lost(search):
    search(FILES)
    now = search({}, lambda root: (root / "README.md").chmod(0))
    assert states(now)["README.md"] is State.FAILED
    assert now.run.status == "failed"
