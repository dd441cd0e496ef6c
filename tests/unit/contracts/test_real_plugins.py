"""Plugins that are right are left alone: one generated per category, and those of the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.catalogue import RULES
from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk.info import PluginCategory

POLICY = load_policy("default")
INTERFACE = [rule for rule in RULES if rule.__name__.split(".")[2] == "interface"]  # type: ignore[attr-defined]
EXAMPLES = [path.parent for path in (Path(__file__).parents[3] / "docs" / "examples").glob("*/pyproject.toml")]


def complaints(folder: Path) -> list[str]:
    found = analyse(PluginProject.open(folder), POLICY, INTERFACE).findings
    return [f"{item.location} {item.rule}: {item.message}" for item in found]


@pytest.mark.parametrize("category", list(PluginCategory), ids=lambda category: category.value)
def test_a_generated_plugin_has_a_sound_interface(category: PluginCategory, tmp_path: Path) -> None:
    folder = create_project(NewProject(f"sample-{category.value.replace('_', '-')}", category, tmp_path))
    assert complaints(folder) == []


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_a_plugin_of_the_documentation_has_a_sound_interface(folder: Path) -> None:
    assert complaints(folder) == []


def test_there_are_examples_to_look_at() -> None:
    assert {"webpage-scraper", "sandbox-probe"} <= {folder.name for folder in EXAMPLES}
