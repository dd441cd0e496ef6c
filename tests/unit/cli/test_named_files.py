"""Files that somebody names: what is no regular file is not waited for, what never ends is not read to its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.policy import load_policy
from theodore_plugin.advisories.snapshot import kept_path
from theodore_plugin.cli import main
from theodore_plugin.engine.baseline_file import read_baseline
from theodore_plugin.inference.capabilities.own_files import read_own
from theodore_plugin.scanners.custom_definition import read_definition
from theodore_plugin.settings.profile import load_profile
from theodore_plugin.settings.standing import VARIABLE, read_standing
from theodore_plugin.trial import MAX_FILE, text_or_file

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")

READERS: dict[str, Callable[[Path], object]] = {
    "policy": load_policy,
    "profile": lambda path: load_profile(str(path)),
    "definition of a scanner": read_definition,
    "capability map": read_own,
    "baseline": lambda path: read_baseline(path, "notes"),
    "advisories": kept_path,
}


@pytest.fixture(params=["pipe", "endless"])
def strange(request, tmp_path: Path) -> Path:
    """A pipe that nobody writes into, or a device that never ends."""
    if request.param == "endless":
        return Path("/dev/zero")
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_what_is_no_regular_file_is_refused_by_name(reader, strange: Path) -> None:
    with pytest.raises((ConfigurationProblem, OSError), match="not a") as caught:
        reader(strange)
    assert str(strange) in str(caught.value)


def test_the_standing_settings_are_no_pipe_and_may_be_none(strange: Path, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, str(strange))
    with pytest.raises(ConfigurationProblem, match="not a regular file"):
        read_standing()
    monkeypatch.setenv(VARIABLE, os.devnull)
    assert read_standing().path is None


@pytest.mark.parametrize("option", [[], ["--access"], ["--follow"]])
def test_a_log_that_is_none_is_named(strange: Path, tmp_path: Path, monkeypatch, capsys, option: list[str]) -> None:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path))
    logs = tmp_path / "logs"
    logs.mkdir()
    path = logs / ("demo.access.jsonl" if "--access" in option else "demo.log.jsonl")
    path.symlink_to(strange)
    assert main(["logs", "demo", *option]) == 2
    said = capsys.readouterr().err.replace("\n", "")
    assert "not a regular file" in said
    assert path.name in said


def test_a_configuration_may_come_through_a_pipe_and_has_a_largest_size(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"{}")
    os.close(writing)
    try:
        assert text_or_file(f"/dev/fd/{reading}") == "{}"
    finally:
        os.close(reading)
    with pytest.raises(ConfigurationProblem, match=f"larger than {MAX_FILE:,} bytes"):
        text_or_file("/dev/zero")
