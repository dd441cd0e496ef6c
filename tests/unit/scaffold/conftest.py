from __future__ import annotations

from pathlib import Path

import pytest

from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[PluginCategory, Path]:
    """One generated project per category, exactly as ``theodore-plugin new`` leaves it."""
    folder = tmp_path_factory.mktemp("projects")
    return {
        category: create_project(NewProject(f"sample-{category.value.replace('_', '-')}", category, folder))
        for category in PluginCategory
    }
