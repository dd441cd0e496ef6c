"""An unchanged check is answered from what is kept; whatever could change the answer is looked at again."""

import compileall
import json
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import theodore_loader
import theodore_plugin
from theodore_plugin.cli import checking, main
from theodore_plugin.cli.rests_on import Foundations
from theodore_plugin.project import PluginProject
from theodore_plugin.settings import Options, Settings


@pytest.fixture(scope="module", autouse=True)
def _bytecode():
    """Compile the tool before an answer depends on its files: a fresh checkout would still be writing bytecode."""
    for module in (theodore_plugin, theodore_loader):
        compileall.compile_dir(Path(module.__file__).parent, quiet=1)
    settle()


def settle():
    """Let files grow older than the clock of file systems is coarse; younger ones are not trusted to be unchanged."""
    time.sleep(0.08)


def add_a_line(path):
    path.write_text(f"{path.read_text()}# more\n")


@pytest.fixture
def computed(monkeypatch):
    """Count how often projects are checked instead of answered for."""
    times = []
    compute = checking.check_all

    def counted(*arguments, **options):
        times.append(1)
        return compute(*arguments, **options)

    monkeypatch.setattr(checking, "check_all", counted)
    return times


@pytest.fixture
def snapshot(tmp_path):
    return dated(tmp_path / "advisories.jsonl", datetime.now(UTC))


def dated(path, moment):
    record = {
        "schema_version": "1.6.0",
        "id": "X-1",
        "modified": moment.isoformat(),
        "affected": [{"package": {"name": "nobody-uses-this", "ecosystem": "PyPI"}, "versions": ["1.0"]}],
    }
    path.write_text(json.dumps(record) + "\n")
    settle()
    return path


@pytest.fixture
def project(project_folder):
    settle()
    return project_folder


POLICY = """\
schema: 1
name: acme
extends: default
scanners:
  mypy: {enabled: false, required: false}
  bandit: {enabled: false, required: false}
  secrets: {enabled: false, required: false}
"""


@pytest.fixture
def policy(tmp_path):
    """A policy under which no tool but pip-audit has to be waited for."""
    path = tmp_path / "acme.yaml"
    path.write_text(POLICY)
    settle()
    return path


@pytest.fixture
def run(capsys, snapshot, policy):
    def call(*arguments):
        code = main(["check", *map(str, arguments), "--policy", str(policy), "--advisories", str(snapshot)])
        return code, *capsys.readouterr()

    return call


def test_an_unchanged_project_is_answered_word_for_word(run, project, computed):
    first = run(project)
    assert run(project) == first
    assert len(computed) == 1
    assert first[0] == 0


def test_findings_are_repeated_with_their_code(run, project, computed):
    (project / "src" / "page_notes" / "extra.py").write_text("eval(input())\n")
    settle()
    first = run(project)
    assert first[0] == 1
    assert run(project) == first
    assert len(computed) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: add_a_line(folder / "src" / "page_notes" / "plugin.py"),
        lambda folder: (folder / "src" / "page_notes" / "data.json").write_text("{}"),
        lambda folder: (folder / "README.md").write_text("Other words.\n"),
        lambda folder: add_a_line(folder / "pyproject.toml"),
        lambda folder: (folder / ".env").write_text("TOKEN=1\n"),
        lambda folder: (folder / "new").mkdir(),
    ],
    ids=["source", "data", "readme", "metadata", "secret", "folder"],
)
def test_whatever_a_check_looks_at_is_looked_at_again(run, project, computed, change):
    run(project)
    change(project)
    run(project)
    assert len(computed) == 2


def test_what_no_check_looks_at_changes_nothing(run, project, computed):
    (project / ".venv" / "lib").mkdir(parents=True)
    settle()
    run(project)
    (project / ".venv" / "lib" / "x.py").write_text("x = 1\n")
    (project / ".git").mkdir()
    run(project)
    assert len(computed) == 1


def test_other_advisories_are_another_question(run, project, computed, snapshot):
    run(project)
    dated(snapshot, datetime.now(UTC) - timedelta(hours=1))
    run(project)
    assert len(computed) == 2


def test_a_policy_file_is_part_of_the_question(run, project, computed, policy):
    run(project)
    policy.write_text(f"{POLICY}rules:\n  no-shutdown: error\n")
    run(project)
    assert len(computed) == 2


def test_no_answer_outlives_its_day_or_its_vulnerability_data(run, project, computed, monkeypatch):
    run(project)
    soon = time.time() + 25 * 3600
    monkeypatch.setattr("theodore_plugin.cli.replay.time.time", lambda: soon)
    run(project)
    assert len(computed) == 2


def test_reports_are_written_again_when_the_answer_is_repeated(run, project, computed, tmp_path):
    sarif, page = tmp_path / "out.sarif", tmp_path / "out.md"
    outputs = ["--output", f"sarif={sarif}", "--output", f"markdown={page}"]
    run(project, *outputs)
    before = sarif.read_bytes(), page.read_bytes()
    sarif.unlink()
    page.write_text("something else")
    run(project, *outputs)
    assert len(computed) == 1
    assert (sarif.read_bytes(), page.read_bytes()) == before


def test_an_incomplete_check_is_never_repeated(run, project, computed):
    (project / "src" / "page_notes" / "broken.py").write_text("def broken(:\n")
    settle()
    assert run(project)[0] == run(project)[0] == 4
    assert len(computed) == 2


def test_no_cache_looks_at_everything_and_keeps_nothing(run, project, computed, own_home):
    shutil.rmtree(own_home / "cache")  # the fixture gave it what mypy knows of the SDK
    run(project, "--no-cache")
    run(project, "--no-cache")
    assert len(computed) == 2
    kept = own_home / "cache"
    assert not [path for name in ("answers", "scans", "mypy") for path in (kept / name).rglob("*") if path.is_file()]


def test_what_writes_is_never_answered_from_what_is_kept(run, project, computed, tmp_path):
    baseline = tmp_path / "baseline.json"
    run(project, "--write-baseline", baseline)
    baseline.unlink()
    run(project, "--write-baseline", baseline)
    assert baseline.exists()
    assert len(computed) == 2


def test_several_projects_are_one_question(run, project, computed, tmp_path):
    other = Path(shutil.copytree(project, tmp_path / "other"))
    settle()
    run(project, other)
    run(project, other)
    assert len(computed) == 1
    add_a_line(other / "src" / "page_notes" / "plugin.py")
    run(project, other)
    assert len(computed) == 2


def test_a_link_in_place_of_a_report_is_written_through_as_the_first_time(run, project, computed, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "out.md", tmp_path / "elsewhere" / "report.md"
    link.symlink_to(target)
    run(project, "--output", f"markdown={link}")
    before = target.read_bytes()
    target.write_text("something else")
    run(project, "--output", f"markdown={link}")
    assert len(computed) == 1
    assert link.is_symlink()
    assert target.read_bytes() == before


def test_a_link_at_the_scratch_file_is_not_written_through(run, project, tmp_path, monkeypatch):
    page, victim = tmp_path / "out.md", tmp_path / "victim"
    victim.write_text("precious")
    run(project, "--output", f"markdown={page}")
    monkeypatch.setattr("os.getpid", lambda: 7)
    page.with_name("out.md.7.writing").symlink_to(victim)
    assert run(project, "--output", f"markdown={page}")[0] == 2
    assert victim.read_text() == "precious"


def test_what_is_installed_anywhere_on_the_import_path_counts(run, project, computed, tmp_path, monkeypatch):
    """Scanners and tools may lie in another folder than this program, the user's own for example."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr("sys.path", [*sys.path, str(packages)])
    run(project)
    (packages / "scanner-1.0.dist-info").mkdir()
    run(project)
    assert len(computed) == 2


def test_what_a_scanner_read_of_an_environment_counts_however_late(tmp_path, project):
    """Other steps may be through before it looks."""
    info = tmp_path / "environment" / "late-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: late\nVersion: 1.0\n")
    (info / "RECORD").write_text("")
    opened = PluginProject.open(project)
    settings = Settings.load(opened, Options(environment=info.parent, advisories="off"))
    foundations = Foundations()
    foundations.add((opened, settings))
    assert settings.environment.distribution("late") is not None
    assert ("file", str(info / "RECORD")) in foundations.inputs
