"""The gallery, the ranges and the workers, for every test of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from shooting.gallery import Gallery
from shooting.range import Range
from shooting.workers import Workers
from theodore_loader.sandbox.tier import Tier, available

OpenRange = Callable[[str], Range]


def pytest_runtest_setup(item: pytest.Item) -> None:
    offer = available()
    if item.get_closest_marker("kernel") and offer.tier < Tier.STANDARD:
        pytest.skip("; ".join(offer.reasons))


@pytest.fixture(scope="module")
def gallery() -> Iterator[Gallery]:
    with Gallery() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workers]:
    """What starts real workers, as a host does."""
    async with Workers.open(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@pytest.fixture
def shooting_range(tmp_path: Path, gallery: Gallery) -> Iterator[OpenRange]:
    """Two attempts would disturb each other's evidence, so each gets a range of its own: call it with a name."""
    opened = []

    def fresh(name: str) -> Range:
        folder = tmp_path / name
        folder.mkdir()
        opened.append(Range(folder, gallery).__enter__())
        return opened[-1]

    yield fresh
    for at in opened:
        at.__exit__()
