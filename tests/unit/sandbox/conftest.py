"""Fixtures of the sandbox tests: code that runs confined, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.run import Completed, run_confined
from theodore_loader.sandbox.tier import Tier, available


def pytest_runtest_setup(item: pytest.Item) -> None:
    offer = available()
    if item.get_closest_marker("kernel") and offer.tier < Tier.STANDARD:
        pytest.skip("; ".join(offer.reasons))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The one folder that may be written."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def confined(work: Path) -> Callable[..., Completed]:
    """Run Python code confined to reading its own installation and writing ``work``."""

    def run(code: str, *, timeout: float = 30.0, input: bytes | None = None, **limits: object) -> Completed:  # noqa: A002
        values: dict[str, object] = {"read": interpreter.read_paths(), "write": (str(work),), **limits}
        profile = Profile(**values)  # type: ignore[arg-type]
        argv = [sys.executable, "-c", code]
        environment = {"TMPDIR": str(work), "HOME": str(work), "PATH": "/usr/bin:/bin"}
        return run_confined(argv, profile, cwd=work, env=environment, input=input, timeout=timeout)

    return run
