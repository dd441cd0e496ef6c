from datetime import UTC, datetime, timedelta

import pytest

from theodore_loader.policy.model import Advisories
from theodore_plugin.advisories.age import age_of, good_until, too_old

DATE = "2024-10-10T17:22:00.000000Z"
WEEK = Advisories(max_age_days=7)


@pytest.mark.parametrize(("days", "old"), [(-1, False), (0, False), (7, False), (7.01, True), (800, True)])
def test_data_is_accepted_to_the_last_moment_of_its_bound(days, old):
    now = datetime.fromisoformat(DATE) + timedelta(days=days)
    assert too_old(DATE, WEEK, now) is old
    assert age_of(DATE, now) == timedelta(days=days)


def test_the_last_moment_is_that_of_the_bound():
    assert good_until(DATE, WEEK) == datetime(2024, 10, 17, 17, 22, tzinfo=UTC)
