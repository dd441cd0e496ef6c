from pathlib import Path

import pytest

from theodore_loader.policy import Policy
from theodore_loader.policy.model import Advisories
from theodore_plugin.project import PluginProject
from theodore_plugin.scaffold import NewProject, create_project
from theodore_plugin.settings import Settings
from theodore_sdk import PluginCategory

SNAPSHOT = Path(__file__).parents[2] / "data" / "advisories.jsonl"


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """A generated exporter project: the most ordinary thing there is to check."""
    folder = tmp_path_factory.mktemp("generated")
    return create_project(NewProject("page-notes", PluginCategory.EXPORTER, folder))


@pytest.fixture
def project_folder(pristine, tmp_path):
    """A copy of it to break."""
    import shutil

    return Path(shutil.copytree(pristine, tmp_path / "page-notes"))


@pytest.fixture
def plugin_file(project_folder):
    return project_folder / "src" / "page_notes" / "plugin.py"


@pytest.fixture
def opened(project_folder):
    def open_project():
        return PluginProject.open(project_folder)

    return open_project


@pytest.fixture
def settings():
    def make(**changes):
        policy = Policy("test", advisories=Advisories(max_age_days=36500))
        return Settings(**({"policy": policy} | changes))

    return make
