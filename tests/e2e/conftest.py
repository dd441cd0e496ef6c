"""Shared by the end-to-end tests: a home of their own, the command line, and small policies and advisories."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mypy_base import MypyBase

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mypy_base: MypyBase) -> Path:
    """A state folder that is this test's alone; mypy knows the SDK in it."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(folder))
    mypy_base.give(folder)
    return folder


@pytest.fixture
def examples() -> Path:
    return EXAMPLES


@pytest.fixture
def plugin_command(home: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; returns exit code, standard output and standard error."""
    from theodore_plugin.cli import main

    def run(*arguments: str | os.PathLike[str]) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([os.fspath(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run
