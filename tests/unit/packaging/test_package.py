"""The whole command, on projects as `new` makes them: a wheel a host accepts, or nothing and the reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from theodore_loader.artifact.lock import read_lock
from theodore_loader.artifact.wheel import Wheel
from theodore_loader.errors import ConfigurationProblem, NothingToDo, Refused
from theodore_plugin.cli import main
from theodore_plugin.finding import Verdict
from theodore_plugin.packaging.package import NotPackaged, package
from theodore_plugin.project import PluginProject
from theodore_plugin.scaffold import NewProject, create_project
from theodore_plugin.settings import Options, Settings
from theodore_sdk import PluginCategory

ADVISORY = {
    "id": "TEST-1",
    "modified": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "affected": [{"package": {"ecosystem": "PyPI", "name": "nobody-uses-this"}, "versions": ["1.0"]}],
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory) -> Path:
    """Vulnerability data that needs no network."""
    path = tmp_path_factory.mktemp("advisories") / "advisories.jsonl"
    path.write_text(json.dumps(ADVISORY) + "\n", encoding="utf-8")
    return path


def create(folder: Path) -> Path:
    return create_project(NewProject(name="acme-hello", category=PluginCategory.TRANSFORMER, output_dir=folder))


@pytest.fixture
def new_project(tmp_path) -> Path:
    return create(tmp_path)


@dataclass(frozen=True)
class Run:
    """One run of the command on a new project: where, and what it said."""

    project: Path
    code: int
    out: str

    @property
    def wheel(self) -> Wheel:
        (path,) = (self.project / "dist").glob("*.whl")
        return Wheel.read(path.read_bytes(), path.name)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory, snapshot) -> Run:
    """The command run once, on a project as `new` makes it; several tests look at what came out."""
    project = create(tmp_path_factory.mktemp("packaged"))
    argv = [sys.executable, "-m", "theodore_plugin", "package", str(project), "--advisories", str(snapshot)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return Run(project, done.returncode, done.stdout + done.stderr)


def settings(root: Path, snapshot: Path) -> Settings:
    return Settings.load(PluginProject.open(root), Options(advisories=str(snapshot)))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.registry
def test_a_new_project_becomes_a_wheel_a_host_accepts(packaged):
    assert packaged.code == 0, packaged.out
    wheel = packaged.wheel
    assert wheel.manifest.info.name == wheel.name == "acme-hello"
    assert wheel.manifest.entry_point.startswith("acme_hello")
    assert wheel.lock == (packaged.project / "pylock.toml").read_bytes()
    assert list(read_lock(wheel.lock).packages) == []


@pytest.mark.registry
def test_the_command_says_what_it_made_and_what_comes_next(packaged):
    path = packaged.project / "dist" / packaged.wheel.filename
    assert f"sha256  {packaged.wheel.sha256}\n" in packaged.out
    assert f"next: theodore-plugin sign {path}" in packaged.out


@pytest.mark.registry
def test_another_place_mode_zone_and_hash_seed_give_the_same_bytes(packaged, snapshot, tmp_path, monkeypatch):
    (tmp_path / "somewhere-else").mkdir()
    moved = create(tmp_path / "somewhere-else")
    for path in moved.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    again = package(moved, tmp_path / "out", settings(moved, snapshot))
    assert again.sha256 == packaged.wheel.sha256
    assert again.report.verdict is Verdict.PASS
    name = again.wheel.filename
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [name, f"{name}.build.json"]


def test_a_plugin_that_fails_its_check_is_not_built(new_project, snapshot, tmp_path, capsys):
    module = max(new_project.glob("src/acme_hello/*.py"), key=lambda path: path.stat().st_size)
    trick = "\n\ndef trick(text: str) -> object:\n    return eval(text)\n"
    module.write_text(module.read_text(encoding="utf-8") + trick, encoding="utf-8")
    assert (
        main(["package", str(new_project), "--output-dir", str(tmp_path / "out"), "--advisories", str(snapshot)]) == 1
    )
    captured = capsys.readouterr()
    assert "dynamic-code-execution" in captured.out
    assert "not packaged" in captured.err
    assert not (tmp_path / "out").exists()


LOCK_ENTRY = """
[[packages]]
name = "{name}"
version = "{version}"
dependencies = []
wheels = [{{ path = "{name}-{version}-py3-none-any.whl", hashes = {{ sha256 = "{digest}" }} }}]
"""


def write_lock(root: Path, **versions: str) -> None:
    entries = (LOCK_ENTRY.format(name=name, version=text, digest="0" * 64) for name, text in versions.items())
    (root / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "somebody"\n' + "".join(entries))


def require(root: Path, line: str) -> None:
    """Depend on ``line``, and fail the check by a rule of its own, so that nothing is built."""
    edit(root / "pyproject.toml", "dependencies = []", f'dependencies = ["{line}"]')
    (root / "src" / "acme_hello" / "bad.py").write_text("VALUE = eval(input())\n")


def test_a_stowaway_in_the_authors_lock_is_found(new_project, snapshot, tmp_path):
    require(new_project, "alpha>=1")
    write_lock(new_project, alpha="1.0", stowaway="1.0")
    with pytest.raises(NotPackaged) as caught:
        package(new_project, tmp_path / "out", settings(new_project, snapshot))
    [found] = [item for item in caught.value.report.findings if item.rule == "unrequired-locked-package"]
    assert "stowaway" in found.message


def test_the_lock_made_anew_is_judged_and_not_the_one_it_replaced(new_project, snapshot, tmp_path, publish):
    require(new_project, "alpha>=2")
    write_lock(new_project, alpha="1.0", stowaway="1.0")
    publish("alpha", "2.0")
    with pytest.raises(NotPackaged) as caught:
        package(new_project, tmp_path / "out", settings(new_project, snapshot))
    rules = {item.rule for item in caught.value.report.findings}
    assert "dynamic-code-execution" in rules
    assert not rules & {"unpinned-lock", "unrequired-locked-package"}


def test_a_check_that_could_not_look_at_everything_is_not_enough(new_project, snapshot, tmp_path):
    (new_project / "src/acme_hello/broken.py").write_text("def (:\n", encoding="utf-8")
    with pytest.raises(NotPackaged):
        package(new_project, tmp_path / "out", settings(new_project, snapshot))
    assert (
        main(["package", str(new_project), "--output-dir", str(tmp_path / "out"), "--advisories", str(snapshot)]) == 4
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.registry
def test_python_that_the_check_has_not_seen_is_not_shipped(new_project, snapshot, tmp_path):
    (new_project / "tests" / "smuggled.py").write_text("import os\n", encoding="utf-8")
    forced = '[tool.hatch.build.targets.wheel.force-include]\n"tests/smuggled.py" = "acme_hello/smuggled.py"\n'
    with (new_project / "pyproject.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n" + forced)
    with pytest.raises(Refused) as caught:
        package(new_project, tmp_path / "out", settings(new_project, snapshot))
    assert (caught.value.rule, "smuggled.py" in caught.value.message) == ("source-artifact-mismatch", True)
    assert not (tmp_path / "out").exists()


def test_a_wheel_is_not_packaged_again(new_project, tmp_path, make_wheel):
    filename, data = make_wheel("alpha")
    (tmp_path / filename).write_bytes(data)
    with pytest.raises(ConfigurationProblem, match="is a wheel already"):
        package(tmp_path / filename, tmp_path / "out")


def test_a_missing_path_and_an_empty_folder(tmp_path, capsys):
    with pytest.raises(ConfigurationProblem, match="no such file"):
        package(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToDo):
        package(tmp_path / "empty", tmp_path / "out")
    assert main(["package", str(tmp_path / "nowhere")]) == 2
    assert main(["package", str(tmp_path / "empty")]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_a_dependency_on_a_place_ends_the_command_before_anything_runs(new_project, snapshot, capsys, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    edit(new_project / "pyproject.toml", "dependencies = [", 'dependencies = ["evil @ file:///tmp/evil", ')
    assert main(["package", str(new_project), "--advisories", str(snapshot)]) == 5
    assert "direct-url-dependency" in capsys.readouterr().err
    assert not (new_project / "dist").exists()


@pytest.mark.registry
@pytest.mark.parametrize("step", ["theodore-check-", "theodore-build-"])
def test_ctrl_c_leaves_nothing_half_written(new_project, snapshot, tmp_path, step):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = {path.name for path in new_project.iterdir()}
    argv = [sys.executable, "-m", "theodore_plugin", "package", str(new_project), "--advisories", str(snapshot)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(argv, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not any(path.name.startswith(step) for path in scratch.iterdir()):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []
    assert {path.name for path in new_project.iterdir()} == before | {"pylock.toml"}
