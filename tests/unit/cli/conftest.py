import shutil
from pathlib import Path

import pytest

from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """A generated project without dependencies: it passes as it is."""
    return create_project(NewProject("page-notes", PluginCategory.EXPORTER, tmp_path_factory.mktemp("generated")))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    """Answers are kept in a folder of the test's own, never in the user's cache."""
    folder = tmp_path_factory.mktemp("home")
    folder.chmod(0o700)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(folder))
    return folder


@pytest.fixture
def project_folder(pristine, tmp_path, own_home, mypy_base):
    """A copy of it to break."""
    mypy_base.give(own_home)
    return Path(shutil.copytree(pristine, tmp_path / "page-notes"))


@pytest.fixture
def plugin_file(project_folder):
    return project_folder / "src" / "page_notes" / "plugin.py"
