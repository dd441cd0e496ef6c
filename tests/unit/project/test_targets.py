import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project.targets import find_targets


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "plugin"
    (folder / "src" / "acme").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\n")
    for name in ("__init__.py", "plugin.py"):
        (folder / "src" / "acme" / name).write_text("")
    return folder


def test_a_file_means_the_project_it_lies_in(project):
    assert find_targets([project / "src" / "acme" / "plugin.py"]) == (project,)


def test_several_files_of_a_project_mean_it_once(project):
    files = [project / "pyproject.toml", project / "src" / "acme" / "plugin.py", project]
    assert find_targets(files) == (project,)


def test_files_named_from_inside_the_project_mean_the_folder_one_stands_in(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project)
    assert [found.resolve() for found in find_targets([tmp_path.joinpath("plugin/src/acme/plugin.py")])] == [project]
    assert [str(found) for found in find_targets([type(project)("src/acme/plugin.py")])] == ["."]


def test_the_innermost_project_is_meant(project):
    inner = project / "vendored"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("")
    (inner / "a.py").write_text("")
    assert find_targets([inner / "a.py"]) == (inner,)


def test_a_file_that_the_commit_removed_means_its_project(project):
    assert find_targets([project / "src" / "acme" / "gone.py"]) == (project,)


def test_nothing_named_means_this_folder():
    assert [str(found) for found in find_targets([])] == ["."]


def test_a_file_of_no_project_is_a_mistake(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ConfigurationProblem, match="no folder above it"):
        find_targets([tmp_path / "notes.txt"])


def test_a_path_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(ConfigurationProblem, match="no such file"):
        find_targets([tmp_path / "nowhere"])
