"""Real projects of other people, and what other people's tools make of our wheels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.epoch import EARLIEST
from theodore_plugin.packaging.normalise import normalise, write_wheel
from theodore_plugin.packaging.reproduce import verify_reproducible
from theodore_plugin.packaging.source_match import match
from theodore_plugin.packaging.wheelhouse import Wheelhouse
from theodore_plugin.project import PluginProject

pytestmark = pytest.mark.e2e
EPOCH = 1_700_000_000
PROJECTS = {"hatchling": "annotated-types", "setuptools": "pluggy", "flit": "packaging"}
"""Public projects by the backend they use, with the newest release the index has."""
PYTHONS = [path for name in ("python3.12", "python3.13") if (path := shutil.which(name))]
_BUILD = """
import sys; from pathlib import Path
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.normalise import normalise
from theodore_plugin.project import PluginProject
built = build_wheel(PluginProject.open(Path(sys.argv[1])), epoch=int(sys.argv[2]))
print(normalise(built.data, built.filename, {}, epoch=int(sys.argv[2])).sha256)
"""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), cwd="/", capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def sources(name: str, folder: Path) -> Path:
    """Fetch a source distribution and unpack it."""
    fetched = run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, "-d", folder, name)
    archives = list(folder.glob("*.tar.gz"))
    if fetched.returncode or not archives:
        pytest.skip(f"the index offers no sources of {name}: {fetched.stderr.strip()[-200:]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [root] = (folder / "unpacked").iterdir()
    return root


@pytest.mark.registry
@pytest.mark.parametrize("backend", PROJECTS)
def test_a_public_project_has_one_digest_everywhere(backend: str, tmp_path: Path) -> None:
    root = sources(PROJECTS[backend], tmp_path)
    project = PluginProject.open(root)
    found = verify_reproducible(project, EPOCH)
    assert (found.first_difference, found.reproducible) == (None, True)
    assert len(found.variants) == 7
    here = [path for path in sys.path if path.endswith(("toolchain", "loader"))]
    for python in other_pythons():
        built = run(python, "-c", _BUILD, root, str(EPOCH), PYTHONPATH=os.pathsep.join(here))
        assert built.stdout.strip() == found.digest, built.stderr[-2000:]


def other_pythons() -> list[str]:
    """Interpreters of other versions that have what a build needs; THEODORE_TEST_PYTHONS names them, else the PATH."""
    named = os.environ.get("THEODORE_TEST_PYTHONS", "").split(os.pathsep)
    candidates = [path for path in (*named, *PYTHONS) if path]
    return [path for path in candidates if run(path, "-c", "import build, packaging, msgspec, click").returncode == 0]


# --- tools of other people


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel as `theodore-plugin package` writes it."""
    folder = tmp_path_factory.mktemp("packaged")
    command = [sys.executable, "-m", "theodore_plugin"]
    made = run(*command, "new", "acme-notes", "--category", "exporter", "--output-dir", folder)
    assert made.returncode == 0, made.stderr
    project = folder / "acme-notes"
    done = run(*command, "package", project, "--policy", "development", "--advisories", "off", "--verify-reproducible")
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (project / "dist").glob("*.whl")
    return wheel


@pytest.mark.registry
def test_pip_and_uv_install_the_wheel(packaged: Path, tmp_path: Path) -> None:
    for name, installer in {
        "pip": [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target"],
        "uv": [sys.executable, "-m", "uv", "pip", "install", "--no-deps", "--no-index", "--no-cache", "--target"],
    }.items():
        done = run(*installer, tmp_path / name, packaged)
        assert done.returncode == 0, done.stderr
        [package] = (path for path in (tmp_path / name).glob("acme_notes*") if path.name == "acme_notes")
        assert (package / "plugin.py").is_file()
        assert list((tmp_path / name).glob("*.dist-info/sboms/*.cdx.json"))


@pytest.mark.registry
def test_twine_and_check_wheel_contents_have_nothing_to_say(packaged: Path) -> None:
    pytest.importorskip("twine")
    pytest.importorskip("check_wheel_contents")
    twine = run(sys.executable, "-m", "twine", "check", "--strict", packaged)
    assert (twine.returncode, "PASSED" in twine.stdout) == (0, True), twine.stdout
    contents = run(sys.executable, "-m", "check_wheel_contents", packaged)
    assert (contents.returncode, contents.stdout.strip()) == (0, f"{packaged}: OK")


@pytest.mark.registry
def test_what_was_packaged_is_found_again_in_its_sources_and_an_edit_is_not(packaged: Path, tmp_path: Path) -> None:
    from theodore_loader.artifact.wheel import Wheel

    wheel = Wheel.read(packaged.read_bytes(), packaged.name)
    project = packaged.parents[1]
    found = match(wheel, project)
    assert (found.kind, found.lock_from_wheel) == ("rebuilt", False)
    name = "acme_notes/plugin.py"
    entries = {**wheel.entries, name: wheel.entries[name] + b"# one more line\n"}
    other = Wheel.read(write_wheel(entries, wheel.dist_info, epoch=EARLIEST), wheel.filename)
    changed = match(other, project)
    assert (changed.kind, changed.first_difference.entry) == ("different", name)


@pytest.mark.registry
def test_a_build_with_stated_requirements_is_the_same_build(packaged: Path, tmp_path: Path) -> None:
    project = PluginProject.open(packaged.parents[1])
    first = build_wheel(project, epoch=EPOCH)
    again = build_wheel(project, epoch=EPOCH, wheelhouse=Wheelhouse(tmp_path, first.facts.requirements))
    assert again.facts.requirements == first.facts.requirements
    assert (
        normalise(again.data, again.filename, {}, epoch=EPOCH).sha256
        == normalise(first.data, first.filename, {}, epoch=EPOCH).sha256
    )
