"""Fetching build requirements: the user's index and nothing else, by a pip that can do nothing else."""

from __future__ import annotations

import hashlib
import os
import sys

import pytest

from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import run_confined
from theodore_plugin.packaging.build import build_wheel
from theodore_plugin.packaging.facts import BuildRequirement
from theodore_plugin.packaging.pip_settings import pip_settings
from theodore_plugin.packaging.wheelhouse import BackendFailed, Wheelhouse
from theodore_plugin.project import PluginProject

EPOCH = 1_700_000_000
FLIT = {
    'requires = ["hatchling"]\nbuild-backend = "hatchling.build"': 'requires = ["flit-core"]\n'
    'build-backend = "flit_core.buildapi"'
}


def test_the_project_has_no_say_in_where_requirements_come_from(project_dir, offline, tmp_path, monkeypatch):
    evil = tmp_path / "evil"
    evil.mkdir()
    steering = f"[global]\nfind-links = {evil}\nindex-url = http://127.0.0.1:9/simple\n[install]\ntarget = {evil}\n"
    names = ("pip.conf", "pip.ini", ".pip/pip.conf", ".config/pip/pip.conf", "uv.toml", ".netrc", "setup.cfg")
    project = project_dir(FLIT, dict.fromkeys(names, steering))
    monkeypatch.chdir(project)
    built = build_wheel(PluginProject.open(project), epoch=EPOCH)
    [flit] = built.facts.requirements
    assert flit.name == "flit-core"
    assert hashlib.sha256((offline / flit.filename).read_bytes()).hexdigest() == flit.sha256
    assert (built.facts.backend, built.facts.epoch) == ("flit_core.buildapi", EPOCH)
    assert sys.version.startswith(built.facts.python)
    assert list(evil.iterdir()) == []


def test_settings_of_the_user_are_handed_on_and_no_others(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://user:secret@index.example/simple\nproxy = http://proxy.example\n"
        "user = true\nprefix = /elsewhere\nno-binary = :all:\n"
    )
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    found = pip_settings().environment
    assert found["PIP_INDEX_URL"] == "https://user:secret@index.example/simple"
    assert found["PIP_PROXY"] == "http://proxy.example"
    assert found["PIP_CONFIG_FILE"] == "/dev/null"
    assert {name for name in found if name.startswith("PIP_")} <= {
        "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_PROXY", "PIP_CERT", "PIP_CONFIG_FILE",
        "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "PIP_DEFAULT_TIMEOUT", "PIP_TRUSTED_HOST",
    }  # fmt: skip
    assert "AWS_SECRET_ACCESS_KEY" not in found


@pytest.mark.parametrize(
    "line",
    [
        *("--index-url=http://127.0.0.1:9/", "-r /etc/passwd", "-e .", "./evil", "flit-core @ file:///x"),
        *("flit-core\n--extra-index-url=http://127.0.0.1:9/", "flit-core --hash=sha256:00", "", "x" * 100_000 + "!"),
    ],
)
def test_a_requirement_that_a_backend_names_is_no_option_and_no_place(tmp_path, line):
    with pytest.raises(BackendFailed, match="the build requires") as caught:
        Wheelhouse(tmp_path).fetch([line])
    assert len(caught.value.message) < 1000
    assert list((tmp_path / "wheels").iterdir()) == []


@pytest.mark.parametrize(
    "pin",
    [
        ("flit-core", "4.0", "0" * 63),
        ("flit-core", "4.0", f"{'0' * 64}\n--index-url=http://127.0.0.1:9/"),
        ("flit-core\n-r /etc/passwd", "4.0", "0" * 64),
        ("flit-core", "4.0 -e .", "0" * 64),
    ],
)
def test_a_recorded_requirement_that_is_none(tmp_path, pin):
    with pytest.raises(BackendFailed):
        Wheelhouse(tmp_path, [BuildRequirement(*pin, "x.whl")]).fetch(["flit-core"])
    assert list((tmp_path / "wheels").iterdir()) == []


@pytest.mark.parametrize("line", ["nobody-has-this", "flit-core<1"])
def test_what_the_index_does_not_offer_as_a_wheel_is_said(offline, tmp_path, line):
    with pytest.raises(BackendFailed, match="cannot be installed") as caught:
        Wheelhouse(tmp_path).fetch([line])
    assert caught.value.help
    assert list((tmp_path / "wheels").rglob("*.whl")) == []


def test_a_source_distribution_is_never_built(offline, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    folder = tmp_path / "links"
    (folder / "src" / "evil-1.0").mkdir(parents=True)
    (folder / "src/evil-1.0/setup.py").write_text(f"open({str(ran)!r}, 'w')\n")
    import tarfile

    with tarfile.open(folder / "evil-1.0.tar.gz", "w:gz") as archive:
        archive.add(folder / "src/evil-1.0", "evil-1.0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    with pytest.raises(BackendFailed):
        Wheelhouse(tmp_path).fetch(["evil"])
    assert not ran.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's resolver")
def test_a_confined_tool_with_a_network_can_resolve_names():
    """glibc sets IP_RECVERR on the sockets it asks name servers with, and finds no host where that is refused."""
    code = "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).setsockopt(0, 11, 1)\nprint('set')"
    profile = Profile(read=interpreter.read_paths(), sockets="outbound", memory_bytes=512 * MIB, allow_weaker=True)
    done = run_confined([sys.executable, "-I", "-c", code], profile, cwd="/", env={}, timeout=60)
    assert (done.stdout, done.stderr) == (b"set\n", b"")
