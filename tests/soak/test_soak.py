"""No call is lost and nothing is left, whatever happens to the workers. The long version: ``pytest -m soak``."""

from __future__ import annotations

import pytest

from soaking import Outcome, soak

PLUGINS_OF_THE_SHORT, PLUGINS = 4, 20
GROWTH_MIB = 24.0
"""What a host may come to hold between two moments of rest, whatever number of calls lie between them."""


def check(outcome: Outcome, *, calls: int, plugins: int) -> None:
    tally = outcome.tally
    assert (tally.lost, tally.wrong) == (0, 0)
    assert tally.ended == calls
    assert tally.answered > calls * 0.9
    assert outcome.last.resident_mib - outcome.first.resident_mib < GROWTH_MIB
    assert outcome.last.temporary <= plugins
    assert outcome.last.processes <= 2 * plugins + 1  # a worker each, and at most as many zygotes, of which one is new
    for held in (outcome.first, outcome.last):
        assert held.descriptors <= 16 + 12 * plugins
        assert held.tasks <= 4 + 6 * plugins
    assert (outcome.left_processes, outcome.left_descriptors) == (0, 0)


@pytest.mark.kernel
async def test_a_short_soak_loses_and_leaks_nothing(tmp_path):
    outcome = await soak(tmp_path, calls=2500, plugins=PLUGINS_OF_THE_SHORT, every_seconds=0.1, seed=7)
    check(outcome, calls=2500, plugins=PLUGINS_OF_THE_SHORT)
    assert outcome.restarts > 0


@pytest.mark.soak
@pytest.mark.kernel
async def test_a_hundred_thousand_calls_over_twenty_plugins(tmp_path):
    outcome = await soak(tmp_path, calls=100_000, plugins=PLUGINS, every_seconds=0.2, seed=11)
    check(outcome, calls=100_000, plugins=PLUGINS)
    assert outcome.restarts > 50
