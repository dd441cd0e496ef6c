"""Pauses and the breaker, tried with thousands of histories and no waiting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.supervise.backoff import Backoff
from theodore_loader.supervise.breaker import Breaker
from theodore_loader.supervise.restarts import RestartPolicy
from theodore_loader.supervise.settings import Restarts

SETTINGS = Restarts()
FRACTIONS = st.floats(0, 1)
STEPS = st.lists(st.tuples(st.floats(0, 400), FRACTIONS), min_size=1, max_size=60)


@given(st.lists(FRACTIONS, min_size=1, max_size=80))
def test_a_pause_is_a_part_of_a_doubling_and_capped_most(fractions):
    given_out = iter(fractions)
    backoff = Backoff(0.2, 30.0, lambda: next(given_out))
    for failures, fraction in enumerate(fractions):
        most = min(30.0, 0.2 * 2**failures)
        assert backoff.next() == fraction * most
    backoff.reset()
    assert Backoff(0.2, 30.0, lambda: 1.0).next() == 0.2


def test_a_thousand_failures_do_not_overflow():
    backoff = Backoff(0.2, 30.0, lambda: 1.0)
    assert [backoff.next() for _ in range(5000)][-1] == 30.0


@given(STEPS)
def test_whoever_obeys_is_never_tried_more_often_than_the_breaker_allows(steps):
    """In no window are there more failures than open it, and in an open one there are no tries."""
    jitter = [1.0]
    policy = RestartPolicy(SETTINGS, lambda: jitter[0])
    now, failures = 0.0, []
    for lived, fraction in steps:
        jitter[0] = fraction
        now += lived
        failures.append(now)
        now += policy.failed(now, lived=lived)
        policy.trying(now)
        assert not policy.is_open
        window = [moment for moment in failures if moment > now - SETTINGS.window_seconds]
        assert len(window) <= SETTINGS.most_failures


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60))
def test_a_half_open_breaker_forgives_nothing_until_its_window_has_passed(steps):
    breaker = Breaker(SETTINGS)
    for moment in range(5):
        breaker.failed(float(moment))
    now = 4
    for lived in steps:
        assert breaker.is_open()
        assert breaker.wait(now) == SETTINGS.open_seconds
        now += SETTINGS.open_seconds
        assert breaker.wait(now) == 0.0
        breaker.tried(now)
        assert breaker.is_half_open(now)
        now += lived
        breaker.failed(now)
        if lived > SETTINGS.window_seconds:
            assert not breaker.is_open()
            return


def test_failures_further_apart_than_the_window_never_open_it():
    breaker = Breaker(SETTINGS)
    for number in range(100):
        breaker.failed(number * 15.1)
        assert not breaker.is_open()
        assert breaker.wait(number * 15.1) == 0.0
    breaker.failed(99 * 15.1)
    breaker.failed(99 * 15.1)
    assert breaker.is_open()
    breaker.reset()
    assert breaker.wait(0.0) == 0.0
