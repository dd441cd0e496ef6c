"""The rate of processor time as arithmetic: no clock, no process."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.supervise.meter.bucket import BURST_SECONDS, MAX_PAUSE_SECONDS, MIN_RUN_SECONDS, CpuBucket


def simulate(share: float, threads: float, seconds: float, late: float, seed: int = 0) -> float:
    """Return the processor time a busy loop gets in ``seconds``, with looks that come up to ``late`` too late."""
    chance = random.Random(seed)
    bucket = CpuBucket(share, 0.0)
    now = used = 0.0
    while now < seconds:
        run = max(MIN_RUN_SECONDS, min(0.1, bucket.lasts(threads))) + chance.random() * late
        now, used = now + run, used + run * threads
        # the kernel counts processor time in hundredths of a second
        bucket.charge(now, math.floor(used * 100) / 100)
        if pause := bucket.pause():
            assert pause <= MAX_PAUSE_SECONDS
            now += pause
            bucket.charge(now, math.floor(used * 100) / 100)
    return used


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("threads", [1, 8])
def test_a_busy_loop_gets_its_share_and_its_first_burst(share, threads):
    seconds = 400.0
    used = simulate(share, threads, seconds, late=0.03)
    assert used == pytest.approx(share * seconds + BURST_SECONDS, rel=0.06, abs=threads * 0.2)


@given(share=st.floats(0.05, 2.0), late=st.floats(0.0, 0.5), seed=st.integers(0, 100))
def test_late_looks_do_not_make_the_rate_higher(share, late, seed):
    seconds = 300.0
    assert simulate(share, 4, seconds, late, seed) <= share * seconds * 1.05 + BURST_SECONDS + 4 * 0.7


def test_who_asks_for_more_than_there_is_is_never_held_back():
    bucket = CpuBucket(2.0, 0.0)
    for second in range(1, 100):
        bucket.charge(float(second), second * 2.0)
        assert bucket.pause() == 0.0
    assert bucket.lasts(2) == math.inf


def test_rest_fills_the_bucket_and_no_more():
    bucket = CpuBucket(0.1, 0.0)
    bucket.charge(1.0, 20.0)
    assert bucket.pause() == MAX_PAUSE_SECONDS  # not 195 s
    bucket.charge(1000.0, 20.0)
    assert bucket.tokens == BURST_SECONDS


def test_a_clock_or_a_reading_that_goes_back_spends_and_earns_nothing():
    bucket = CpuBucket(0.5, 10.0, 5.0)
    bucket.charge(9.0, 4.0)
    assert bucket.tokens == BURST_SECONDS
    bucket.charge(9.0, 5.1)
    assert bucket.tokens == pytest.approx(BURST_SECONDS - 0.1)
