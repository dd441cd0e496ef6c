import gzip
import hashlib
import io
import tarfile

import pytest

from theodore_loader.errors import ConfigurationProblem, InvalidWheel, NothingToDo
from theodore_plugin.distributions.archive import sdist_distribution, wheel_distribution
from theodore_plugin.distributions.folder import folder_distribution

CODE = {"parcel/__init__.py": b"VALUE = 1\n", "parcel/tool.py": b"import os\n"}


def sdist(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def modules(distribution):
    return {file.module for file in distribution.files()}


def test_a_wheel_is_read_from_the_archive(wheel):
    path = wheel("par-cel", "1.0", CODE, ("idna>=2",))
    found = wheel_distribution(path)
    assert (found.name, found.version, found.requires) == ("par-cel", "1.0", ("idna",))
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert modules(found) == {"parcel", "parcel.tool"}


def test_what_a_wheel_places_among_the_packages_is_importable(wheel):
    found = wheel_distribution(wheel("parcel", "1.0", CODE | {"parcel-1.0.data/purelib/hidden.py": b""}))
    assert "hidden" in modules(found)


def test_a_start_up_hook_in_a_wheel_is_listed_and_read(wheel):
    found = wheel_distribution(wheel("parcel", "1.0", CODE | {"a.pth": b"import evil\n", "sitecustomize.py": b""}))
    assert found.startup_hooks == ("a.pth", "sitecustomize.py")
    assert b"import evil\n" in [file.data for file in found.files()]


def test_a_wheel_whose_record_lies_is_refused(wheel, tmp_path):
    path = wheel("parcel", "1.0", CODE)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InvalidWheel, match="parcel-1"):
        wheel_distribution(path)


def test_a_source_archive_is_read_as_the_project_it_holds(tmp_path):
    project = b'[project]\nname = "parcel"\nversion = "2.0"\ndependencies = ["idna; python_version > \'3\'"]\n'
    members = {
        "parcel-2.0/pyproject.toml": project,
        "parcel-2.0/src/parcel/__init__.py": b"",
        "parcel-2.0/tests/test_x.py": b"",
    }
    found = sdist_distribution(sdist(tmp_path / "parcel-2.0.tar.gz", members))
    assert (found.name, found.version, found.requires) == ("parcel", "2.0", ("idna",))
    assert modules(found) == {"parcel"}


def test_a_source_archive_without_metadata_is_named_by_its_file(tmp_path):
    found = sdist_distribution(sdist(tmp_path / "parcel-2.0.tar.gz", {"parcel-2.0/parcel.py": b""}))
    assert (found.name, found.version) == ("parcel", "2.0")


def test_members_that_lead_out_of_a_source_archive_are_left_out(tmp_path):
    members = {"p-1/a.py": b"", "p-1/../../b.py": b"", "/p-1/c.py": b"", "d.py": b""}
    assert modules(sdist_distribution(sdist(tmp_path / "p-1.tar.gz", members))) == {"a"}


@pytest.mark.parametrize(
    "damage", [b"", b"no archive", gzip.compress(b"x" * 2000)], ids=["empty", "no archive", "no tar inside"]
)
def test_a_damaged_source_archive_is_a_problem_with_its_name(tmp_path, damage):
    path = tmp_path / "p-1.tar.gz"
    path.write_bytes(damage)
    with pytest.raises(ConfigurationProblem, match=r"p-1\.tar\.gz"):
        sdist_distribution(path)


def test_a_truncated_source_archive_is_a_problem(tmp_path):
    path = sdist(tmp_path / "p-1.tar.gz", {"p-1/a.py": b"x = 1\n" * 5000})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ConfigurationProblem):
        sdist_distribution(path)


def test_a_source_archive_that_swells_is_not_unfolded(tmp_path, monkeypatch):
    monkeypatch.setattr("theodore_plugin.distributions.archive.MAX_SDIST_BYTES", 10_000)
    with pytest.raises(ConfigurationProblem, match="more than is read"):
        sdist_distribution(sdist(tmp_path / "p-1.tar.gz", {"p-1/a.py": b"#" * 20_000}))


def test_a_source_archive_without_code_is_nothing_to_do(tmp_path):
    with pytest.raises(NothingToDo):
        sdist_distribution(sdist(tmp_path / "p-1.tar.gz", {"p-1/readme": b""}))


def test_a_folder_without_metadata_is_read(tmp_path):
    (tmp_path / "one.py").write_bytes(b"")
    found = folder_distribution(tmp_path)
    assert modules(found) == {"one"}
    assert found.requires == ()


def test_a_folder_that_is_a_package_keeps_its_name_and_its_tests(tmp_path):
    for name in ("parcel/__init__.py", "parcel/sub/x.py", "parcel/testing/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert modules(folder_distribution(tmp_path / "parcel")) == {"parcel", "parcel.sub.x", "parcel.testing"}


def test_the_digest_of_a_folder_follows_names_and_contents(tmp_path):
    digests = set()
    for name, data in (("one.py", b""), ("one.py", b"1"), ("two.py", b"1")):
        folder = tmp_path / f"{name}{len(data)}"
        folder.mkdir()
        (folder / name).write_bytes(data)
        digests.add(folder_distribution(folder).digest)
    assert len(digests) == 3
