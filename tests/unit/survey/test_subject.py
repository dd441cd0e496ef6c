import pytest

from theodore_loader.errors import ConfigurationProblem, InvalidWheel, NothingToDo
from theodore_plugin.distributions import Environment
from theodore_plugin.survey.model import Kind
from theodore_plugin.survey.subject import Where, find

CODE = {"parcel_x/__init__.py": b"import os\n"}


@pytest.fixture
def where(tmp_path):
    (tmp_path / "empty").mkdir()
    said = []
    found = Where(Environment(tmp_path / "empty"), say=said.append)
    return found, said


def test_what_is_not_installed_is_fetched_and_that_is_said(index, where):
    index("parcel_x", "1.0", CODE)
    found = find("parcel-x", where[0])
    assert (str(found.package), found.package.kind) == ("parcel-x 1.0", Kind.WHEEL)
    assert [file.module for file in found.files] == ["parcel_x"]
    assert "fetching" in where[1][0]
    assert found.inputs is None  # the index may say something else tomorrow


def test_a_pinned_wheel_is_fetched_once(index, where):
    path = index("parcel_x", "1.0", CODE)
    first = find("parcel-x==1.0", where[0])
    path.unlink()
    assert find("parcel-x==1.0", where[0]).package == first.package
    assert len(where[1]) == 1
    assert first.inputs


def test_a_kept_wheel_that_was_changed_is_refused(index, where, tmp_path):
    index("parcel_x", "1.0", CODE)
    find("parcel-x==1.0", where[0])
    (kept,) = (tmp_path / "home" / "cache" / "wheels").rglob("*.whl")
    kept.write_bytes(kept.read_bytes().replace(b"import os", b"import re"))
    with pytest.raises(InvalidWheel):
        find("parcel-x==1.0", where[0])


def test_what_no_index_has_is_a_problem_with_pips_reason(index, where):
    with pytest.raises(ConfigurationProblem, match="No matching distribution"):
        find("parcel-x", where[0])


def test_no_download_means_no_download(index, where):
    index("parcel_x", "1.0", CODE)
    with pytest.raises(ConfigurationProblem, match="nor installed"):
        find("parcel-x", Where(where[0].environment, download=False))


@pytest.mark.parametrize(
    "target", ["--index-url=http://x", "-r requirements.txt", "a b", "name @ file:///etc", "x==1;y", "../x", "", "é"]
)
def test_what_is_no_name_never_reaches_pip(index, where, target):
    with pytest.raises((ConfigurationProblem, NothingToDo)):
        find(target, where[0])
    assert where[1] == []


def test_a_wheel_of_machine_code_alone_is_nothing_to_read(index, where):
    path = index("parcel_x", "1.0", {"parcel_x.so": b"\x7fELF"})
    with pytest.raises(NothingToDo, match="machine code only"):
        find(str(path), where[0])


def test_a_file_of_another_kind_is_a_problem(where, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ConfigurationProblem, match="neither a folder"):
        find(str(tmp_path / "notes.txt"), where[0])
