"""How old dated data is, and whether a policy's bound holds: one answer for the check and for the status."""

from __future__ import annotations

from datetime import datetime, timedelta

from theodore_loader.policy.model import Advisories


def age_of(date: str, now: datetime) -> timedelta:
    """Return the time since the newest record was modified."""
    return now - datetime.fromisoformat(date)


def too_old(date: str, bound: Advisories, now: datetime) -> bool:
    """Return whether the policy does not accept data of this date."""
    return now > good_until(date, bound)


def good_until(date: str, bound: Advisories) -> datetime:
    """Return the last moment at which the policy accepts data of this date."""
    return datetime.fromisoformat(date) + timedelta(days=bound.max_age_days)
