"""Building: a clean copy, a backend that only declares, nothing reached while it runs."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.packaging.backend import read_backend
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.build_environment import BackendFailed
from theodore_plugin.packaging.epoch import EARLIEST, source_date_epoch
from theodore_plugin.packaging.normalise import normalise
from theodore_plugin.packaging.source_copy import copy_sources
from theodore_plugin.project import PluginProject

EPOCH = 1_700_000_000
HATCHLING = 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"'


def backend(name: str, *requires: str) -> dict[str, str]:
    return {HATCHLING: f'requires = {list(requires)!r}\nbuild-backend = "{name}"'}


def tree(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# --- the clean copy


def test_history_caches_secrets_and_outputs_stay_behind(project_dir, tmp_path):
    left = [
        ".git/config", ".env", ".venv/bin/python", "venv/x.py", "dist/old.whl", "build/lib/x.py", "src/a/.DS_Store",
        "src/acme_hello/__pycache__/x.pyc", "src/acme_hello.egg-info/PKG-INFO", "node_modules/x/i.js", ".idea/w.xml",
    ]  # fmt: skip
    root = project_dir(files=dict.fromkeys([*left, "src/acme_hello/build/part.py", "README.md"], "x"))
    copy_sources(root, tmp_path / "copy")
    assert tree(tmp_path / "copy") == {
        "pyproject.toml",
        "README.md",
        "src/acme_hello/__init__.py",
        "src/acme_hello/build/part.py",
    }


def test_links_are_refused_rather_than_followed(project_dir, tmp_path):
    root = project_dir()
    (root / "src/acme_hello/shadow").symlink_to("/etc/shadow")
    with pytest.raises(ConfigurationProblem, match="shadow is a link"):
        copy_sources(root, tmp_path / "copy")


def test_special_files_are_refused(project_dir, tmp_path):
    root = project_dir()
    os.mkfifo(root / "src/acme_hello/pipe")
    with pytest.raises(ConfigurationProblem, match="pipe is a link or special file"):
        copy_sources(root, tmp_path / "copy")


# --- backends


def test_a_declaring_backend_is_accepted(project_dir):
    project = PluginProject.open(project_dir())
    assert read_backend(project.pyproject, project.root).requires == ("hatchling",)


@pytest.mark.parametrize(
    ("edits", "files", "words"),
    [
        ({"[build-system]\n" + HATCHLING: ""}, {}, "no build backend"),
        ({HATCHLING: 'requires = ["setuptools"]'}, {}, "no build backend"),
        (backend("my_backend"), {}, "'my_backend'"),
        ({HATCHLING: HATCHLING + '\nbackend-path = ["."]'}, {"hatchling/build.py": "evil"}, "backend-path"),
        (backend("setuptools.build_meta", "setuptools"), {"setup.py": "import os"}, "setup.py"),
        (backend("hatchling.build", "hatchling @ file:///tmp/x"), {}, "place instead of a version"),
        (backend("hatchling.build", "--index-url=http://x"), {}, "cannot be read"),
        ({"[project]": "[tool.hatch.build.hooks.custom]\n[project]"}, {"hatch_build.py": "evil"}, "hooks.custom"),
        ({"[project]": '[tool.setuptools.cmdclass]\nbuild = "x.Y"\n[project]'}, {}, "cmdclass"),
    ],
)
def test_builds_that_would_run_the_project_s_own_code(project_dir, edits, files, words):
    project = PluginProject.open(project_dir(edits, files))
    with pytest.raises(ConfigurationProblem, match=words) as caught:
        build_wheel(project, epoch=EPOCH)
    assert "hatchling" in caught.value.help


# --- the moment


def test_without_history_a_build_happens_in_1980(tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert source_date_epoch(tmp_path) == EARLIEST


def test_the_stated_moment_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    assert source_date_epoch(tmp_path) == EPOCH


@pytest.mark.parametrize("value", ["", "yesterday", "-1", "0", "1e9", "99999999999", "\u0661\u0667"])
def test_a_moment_that_is_none(tmp_path, monkeypatch, value):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(ConfigurationProblem, match="SOURCE_DATE_EPOCH"):
        source_date_epoch(tmp_path)


def git(root: Path, *arguments: str, moment: int = EPOCH) -> None:
    dates = {"GIT_AUTHOR_DATE": f"{moment} +0000", "GIT_COMMITTER_DATE": f"{moment} +0000"}
    argv = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    subprocess.run(argv, cwd=root, env={**os.environ, **dates}, check=True, capture_output=True)


def test_the_last_commit_is_the_moment_and_its_repository_runs_nothing(project_dir, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    root = project_dir()
    ran = root / "ran"
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    for key in ("core.fsmonitor", "core.pager", "gpg.program", "core.sshCommand", "core.alternateRefsCommand"):
        git(root, "config", key, f"touch {ran}")
    git(root, "config", "log.showSignature", "true")
    assert source_date_epoch(root) == EPOCH
    assert not ran.exists()


def test_a_commit_before_1980_is_brought_into_range(project_dir, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    root = project_dir()
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "early", moment=100_000_000)
    assert source_date_epoch(root) == EARLIEST


# --- writing


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    import resource
    import signal

    target = tmp_path / "out" / "file"
    write_atomically(target, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_atomically(target, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)
    assert tree(tmp_path) == {"out/file"}
    assert target.read_bytes() == b"old"


def test_an_interrupt_leaves_the_old_file(tmp_path, monkeypatch):
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    target = tmp_path / "file"
    write_atomically(target, b"old")
    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, b"new")
    assert tree(tmp_path) == {"file"}
    assert target.read_bytes() == b"old"


# --- real backends


SETUPTOOLS = backend("setuptools.build_meta", "setuptools>=77")
POETRY = backend("poetry.core.masonry.api", "poetry-core>=2")


@pytest.mark.registry
def test_poetry_runs_in_the_sandbox_too(project_dir):
    built = build_wheel(PluginProject.open(project_dir(POETRY)), epoch=EPOCH)
    assert "acme_hello/__init__.py" in normalise(built.data, built.filename, {}, epoch=EPOCH).entries


def test_the_project_folder_is_left_as_it_was(project_dir, offline):
    root = project_dir(SETUPTOOLS)
    before = tree(root)
    built = build_wheel(PluginProject.open(root), epoch=EPOCH)
    assert tree(root) == before
    with zipfile.ZipFile(io.BytesIO(built.data)) as archive:
        assert "acme_hello/__init__.py" in archive.namelist()


def test_a_failing_backend_shows_what_it_said(project_dir, offline):
    project = PluginProject.open(project_dir({'name = "acme-hello"': 'name = "acme-hello"\nreadme = "MISSING.md"'}))
    with pytest.raises(BackendFailed, match=r"MISSING\.md"):
        build_wheel(project, epoch=EPOCH)


@pytest.mark.kernel
def test_a_backend_reaches_neither_network_nor_other_files(project_dir, tmp_path, offline):
    """hatchling's ``code`` version source runs a file of the project: it is a way in that must lead nowhere."""
    from theodore_loader.sandbox.tier import Tier, available

    if available().tier < Tier.STANDARD:
        pytest.skip(f"this kernel offers tier {available().tier.name}: {', '.join(available().reasons)}")
    outside = tmp_path / "outside"
    outside.write_text("secret")
    code = f"""
import pathlib, socket, subprocess
said = []
for act in (lambda: socket.create_connection(("127.0.0.1", 9), 1), lambda: pathlib.Path({str(outside)!r}).read_text(),
            lambda: pathlib.Path({str(outside)!r}).write_text("x"), lambda: subprocess.run(["true"])):
    try:
        act()
        said.append("done")
    except OSError:
        said.append("refused")
raise SystemExit("acts: " + ",".join(said))
"""
    edits = {
        'version = "1.2.0"': 'dynamic = ["version"]',
        "[project]": '[tool.hatch.version]\nsource = "code"\npath = "v.py"\n[project]',
    }
    project = PluginProject.open(project_dir(edits, {"v.py": code}))
    with pytest.raises(BackendFailed, match="acts: refused,refused,refused,refused"):
        build_wheel(project, epoch=EPOCH)
    assert outside.read_text() == "secret"
