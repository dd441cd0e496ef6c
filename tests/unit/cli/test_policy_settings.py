"""``check --show-settings``: every setting, its value and where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from theodore_plugin.cli import main
from theodore_plugin.settings.options import Options

Output = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text('[organisation]\npolicy = "strict"\n[defaults]\npersona = "auditor"\n')
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(home))
    root = tmp_path / "demo"
    (root / "src" / "demo").mkdir(parents=True)
    (root / "src" / "demo" / "__init__.py").write_text("")
    table = '[tool.theodore-plugin]\nadvisories = "off"\nmin-severity = "warning"\n'
    (root / "pyproject.toml").write_text(f'[project]\nname = "demo"\nversion = "1"\n{table}')
    return root


def test_text_names_each_origin_and_what_lost(project: Path, capsys: Output) -> None:
    assert main(["check", "--show-settings", "--policy", "default", str(project)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    config = project.parent / "home" / "config.toml"
    assert lines[0] == "settings of demo"
    assert f"policy strict ({config}:2)" in lines
    assert "not default (--policy)" in lines
    assert f"persona auditor ({config}:4)" in lines
    assert "advisories off (pyproject.toml:5)" in lines
    assert "min-severity warning (pyproject.toml:6)" in lines
    assert "select everything (default)" in lines
    assert lines[-1].startswith("policy digest sha256:")


def test_json_holds_every_setting_there_is(project: Path, capsys: Output) -> None:
    assert main(["check", "--show-settings", "--output-format", "json", "--select", "permissions", str(project)]) == 0
    document = json.loads(capsys.readouterr().out)
    [shown] = document["projects"]
    settings = {one["name"]: one for one in shown["settings"]}
    said = {name.replace("_", "-") for name in Options.__slots__} - {"lock", "no-cache"}
    assert set(settings) >= said
    assert settings["select"] == {
        "name": "select",
        "value": ["permissions"],
        "origin": "--select",
        "binding": False,
        "overruled": [],
    }
    assert settings["policy"]["binding"]


def test_nothing_is_checked_and_mistakes_are_explained(project: Path, capsys: Output) -> None:
    assert main(["check", "--show-settings", "--output-format", "sarif", str(project)]) == 2
    assert "settings are not shown as sarif" in capsys.readouterr().err
    (project / "pyproject.toml").write_text('[project]\nname = "demo"\n[tool.theodore-plugin]\npolcy = "x"\n')
    assert main(["check", "--show-settings", str(project)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pyproject.toml:4:1: [tool.theodore-plugin] has no key 'polcy'; did you mean 'policy'?" in captured.err
