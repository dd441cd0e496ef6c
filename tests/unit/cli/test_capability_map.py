"""``--capability-map``: what whoever runs a command says about libraries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from theodore_plugin.cli import main
from theodore_plugin.settings import Options, Settings

OWN = (
    '[[library]]\nmodule = "acme_http"\neffects = [{ permission = "network", access = "connect", names = ["fetch"] }]\n'
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("import acme_http\n\n\ndef load():\n    return acme_http.fetch()\n")
    return tmp_path


def permissions(package: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[set[str], int]:
    code = main(["permissions", str(package), "--output-format", "json", "--no-download", *more])
    answer = json.loads(capsys.readouterr().out)
    return {row["type"] for row in answer["permissions"]}, code


def test_permissions_takes_what_the_file_says(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = package / "own.toml"
    own.write_text(OWN)
    assert permissions(package / "pkg", capsys, "--no-cache")[0] == set()
    assert permissions(package / "pkg", capsys, "--no-cache", "--capability-map", str(own)) == ({"network"}, 0)


def test_a_changed_file_is_asked_again(
    package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    own = package / "own.toml"
    for said, expected in ((OWN, {"network"}), (OWN.replace("network", "subprocess"), {"subprocess"})):
        own.write_text(said)
        for _ in range(2):
            assert permissions(package / "pkg", capsys, "--capability-map", str(own))[0] == expected


@pytest.mark.parametrize("command", ["permissions", "check"])
def test_a_mistake_in_the_file_is_wrong_usage_and_told_with_its_line(
    command: str, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = package / "own.toml"
    own.write_text(OWN.replace('"network"', '"netwrk"'))
    assert main([command, str(package), "--capability-map", str(own)]) == 2
    told = capsys.readouterr().err
    assert f"{own}:3: acme_http permission: 'netwrk'" in told
    assert "permission is one of network" in told


def test_the_project_under_check_cannot_name_one(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "pyproject.toml").write_text('[tool.theodore-plugin]\ncapability-map = "own.toml"\n')
    assert main(["check", str(package)]) == 2
    assert "has no key 'capability-map'" in capsys.readouterr().err


def test_settings_hold_the_map_and_its_digest(package: Path) -> None:
    from theodore_plugin.inference.capabilities import shipped_map
    from theodore_plugin.project import PluginProject

    own = package / "own.toml"
    own.write_text(OWN)
    project = PluginProject.from_files({"pyproject.toml": b""})
    assert Settings.load(project).capabilities is None
    found = Settings.load(project, Options(capability_maps=(own,))).capabilities
    assert found is not None
    assert found.digest != shipped_map().digest
