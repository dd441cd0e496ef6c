from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_plugin.project import PluginProject

Make = Callable[..., PluginProject]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of this test's own."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(folder))
    monkeypatch.delenv("THEODORE_PLUGIN_CONFIG", raising=False)
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a project whose table is the text given."""

    def make(table: str = "") -> PluginProject:
        root = tmp_path / "project"
        (root / "src" / "demo").mkdir(parents=True, exist_ok=True)
        (root / "src" / "demo" / "__init__.py").write_text("")
        (root / "pyproject.toml").write_text(f'[project]\nname = "demo"\nversion = "1"\n\n{table}')
        return PluginProject.open(root)

    return make
