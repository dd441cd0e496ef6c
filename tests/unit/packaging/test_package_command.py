"""`package --list` and `--verify-reproducible` at the command line."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from theodore_loader.artifact.wheel import Wheel
from theodore_plugin.cli import main
from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

ROW = re.compile(r"(?P<mode>-rw-r--r--) +(?P<size>[\d,]+)  (?P<name>\S+) +(?P<sha256>[0-9a-f]{64})")


@pytest.fixture
def new_project(tmp_path, monkeypatch, offline) -> Path:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    new = NewProject(name="acme-hello", category=PluginCategory.TRANSFORMER, output_dir=tmp_path)
    return create_project(new)


def everything(folder: Path) -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_would_ship_is_listed_and_nothing_is_written_and_package_ships_just_that(new_project, capsys):
    before = everything(new_project)
    assert main(["package", str(new_project), "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert everything(new_project) == before
    rows = [match.groupdict() for line in lines if (match := ROW.fullmatch(line))]
    assert len(rows) == len(lines) - 2

    options = ["--policy", "development", "--advisories", "off", "--verify-reproducible", "--format", "json"]
    assert main(["package", str(new_project), *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    path = Path(answer["wheel"])
    wheel = Wheel.read(path.read_bytes(), path.name)
    assert lines[0] == wheel.filename
    assert lines[-1] == f"{len(rows)} files, {len(wheel.data):,} bytes, sha256 {wheel.sha256}"
    shipped = {row["name"]: (int(row["size"].replace(",", "")), row["sha256"]) for row in rows}
    assert shipped == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in wheel.entries.items()}
    assert (answer["sha256"], answer["reproducible"]) == (wheel.sha256, True)
    assert {item["name"] for item in answer["build"]["requirements"]} >= {"hatchling", "pathspec"}

    assert main(["package", str(path), "--list", "--format", "json"]) == 0  # of a wheel that is there
    listed = json.loads(capsys.readouterr().out)
    assert listed["sha256"] == wheel.sha256
    assert {file["name"]: (file["bytes"], file["sha256"]) for file in listed["files"]} == shipped


def test_a_build_that_comes_out_differently_is_refused_and_no_wheel_is_left(new_project, capsys):
    pyproject = new_project / "pyproject.toml"
    text = re.sub(r'(?m)^version = ".*"$', 'dynamic = ["version"]', pyproject.read_text(encoding="utf-8"))
    pyproject.write_text(text + '\n[tool.hatch.version]\nsource = "code"\npath = "v.py"\n', encoding="utf-8")
    leak = "import os\nwith open('src/acme_hello/where.txt', 'w') as file:\n    file.write(os.getcwd())\n"
    (new_project / "v.py").write_text(leak + "__version__ = '0.1.0'\n", encoding="utf-8")
    code = main(
        ["package", str(new_project), "--policy", "development", "--advisories", "off", "--verify-reproducible"]
    )
    captured = capsys.readouterr()
    assert code == 5, captured.out + captured.err
    assert "error[build-not-reproducible]: two builds differ, first in acme_hello/where.txt:1" in captured.err
    assert not (new_project / "dist").exists()


def test_listing_a_damaged_wheel_refuses_it(tmp_path, capsys, make_wheel):
    name, data = make_wheel("alpha")
    (tmp_path / name).write_bytes(data + b"more")
    assert main(["package", str(tmp_path / name), "--list"]) == 5
    assert "error[polyglot-or-trailing-data]" in capsys.readouterr().err
