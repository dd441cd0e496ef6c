"""A soak needs workers that the kernel holds."""

from __future__ import annotations

import pytest

from theodore_loader.sandbox.tier import Tier, available


def pytest_runtest_setup(item: pytest.Item) -> None:
    offer = available()
    if item.get_closest_marker("kernel") and offer.tier < Tier.STANDARD:
        pytest.skip("; ".join(offer.reasons))
