"""The range and the cases, for every test of this folder."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from theodore_loader.sandbox.tier import Tier, available

HERE = Path(__file__).parent


def pytest_runtest_setup(item: pytest.Item) -> None:
    offer = available()
    if item.get_closest_marker("kernel") and offer.tier < Tier.STANDARD:
        pytest.skip("; ".join(offer.reasons))


def load(path: Path) -> ModuleType:
    name = f"theodore_escapes_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def shooting_range(tmp_path: Path) -> Iterator[object]:
    """Two ranges would disturb each other's evidence, so every attempt gets a new one: call it with a name."""
    ranges = load(HERE / "range.py")
    opened = []

    def fresh(name: str) -> object:
        folder = tmp_path / name
        folder.mkdir()
        opened.append(ranges.Range(folder).__enter__())
        return opened[-1]

    yield fresh
    for at in opened:
        at.__exit__()
