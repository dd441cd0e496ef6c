"""Evasive snippets are all noticed, look-alikes are all left alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.finding import Finding
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files

SNIPPETS = tomllib.loads((Path(__file__).parent / "evasive.toml").read_text(encoding="utf-8"))
POLICY = load_policy("default")
TELLING = {
    "undeclared-permission",
    "undeclared-target",
    "unanalyzable-capability",
    "dynamic-code-execution",
    "dynamic-import",
    "sandbox-tampering",
    "invisible-or-bidi-characters",
}


def findings(code: str) -> list[Finding]:
    project = PluginProject.from_files(example_files(code))
    return [item for item in analyse(project, POLICY).findings if item.location.path == "demo/example.py"]


@pytest.mark.parametrize("code", SNIPPETS["evasive"].values(), ids=SNIPPETS["evasive"].keys())
def test_an_evasive_snippet_is_noticed(code: str) -> None:
    assert {item.rule for item in findings(code)} & TELLING


@pytest.mark.parametrize("code", SNIPPETS["benign"].values(), ids=SNIPPETS["benign"].keys())
def test_a_look_alike_is_left_alone(code: str) -> None:
    assert findings(code) == []


def test_the_collection_is_large_enough_to_mean_something() -> None:
    assert len(SNIPPETS["evasive"]) >= 60
