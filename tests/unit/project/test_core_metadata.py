import pytest

from theodore_plugin.project import PluginProject
from theodore_plugin.project.core_metadata import sdist_table

NAMED = "Metadata-Version: 2.1\nName: shelf\nVersion: 1.2\n"


def test_a_source_distribution_with_a_build_script_has_the_name_its_metadata_gives_it():
    files = {"setup.py": b"", "PKG-INFO": (NAMED + "Requires-Dist: httpx\n").encode(), "shelf.py": b""}
    project = PluginProject.from_files(files)
    assert (project.name, project.version, project.table["dependencies"]) == ("shelf", "1.2", ["httpx"])
    assert project.project_file == "pyproject.toml"


def test_what_pyproject_says_counts_more_than_what_was_generated():
    files = {"pyproject.toml": b'[project]\nname = "other"\n', "PKG-INFO": NAMED.encode(), "shelf.py": b""}
    assert PluginProject.from_files(files).name == "other"


@pytest.mark.parametrize(
    ("text", "dynamic"),
    [
        (NAMED, ["dependencies"]),
        (NAMED.replace("2.1", "2.2"), None),
        (NAMED.replace("2.1", "2.4") + "Dynamic: Requires-Dist\n", ["dependencies"]),
        (NAMED + "Requires-Dist: httpx\n", None),
        (NAMED.replace("2.1", "two"), ["dependencies"]),
        (NAMED.replace("2.1", "9" * 5000 + ".1"), ["dependencies"]),
        ("", ["dependencies"]),
    ],
    ids=["old", "settled", "dynamic", "named", "no version", "absurd version", "empty"],
)
def test_only_metadata_that_settles_them_says_there_are_no_dependencies(text, dynamic):
    assert sdist_table(text).get("dynamic") == dynamic
