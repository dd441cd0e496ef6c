"""The limiters' laws, with time as an argument."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.broker.rate import SlidingMinute, TokenBucket

gaps = st.lists(st.floats(0, 20), min_size=1, max_size=200)


@given(st.integers(1, 10), gaps)
def test_no_sixty_seconds_hold_more_than_the_limit(limit, gaps):
    minute, now, taken = SlidingMinute(limit), 0.0, []
    for gap in gaps:
        now += gap
        if minute.take(now):
            taken.append(now)
    for start in taken:
        assert sum(start <= time < start + 60 for time in taken) <= limit


def test_a_limit_of_zero_allows_nothing():
    assert not SlidingMinute(0).take(0.0)


@given(st.integers(1, 20), st.floats(0.5, 50), gaps)
def test_a_bucket_never_exceeds_burst_plus_rate(burst, rate, gaps):
    bucket, now, taken = TokenBucket(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap / 100
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6
    assert taken + bucket.refused == len(gaps)


def test_refusals_are_counted_once():
    bucket = TokenBucket(1.0, 1)
    assert [bucket.take(0.0) for _ in range(3)] == [True, False, False]
    assert (bucket.take_refused(), bucket.take_refused()) == (2, 0)


def test_time_that_runs_backwards_gives_nothing_away():
    bucket = TokenBucket(10.0, 1)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
