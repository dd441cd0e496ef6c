"""A provider and a service for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from oidc_provider import Provider, providing
from team_service import ISSUER_KEYS, Team, serving_team


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing(Provider()) as running:
        yield running


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[Provider]:
    with providing(Provider()) as running:
        yield running


@pytest.fixture(scope="module")
def team(shared_provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """One service for the tests that leave nothing behind but log entries."""
    issuer = {"issuer": shared_provider.url, **ISSUER_KEYS, "interactive": True}
    limits = {"certificates_per_minute": 10_000, "requests_per_minute": 100_000}
    with serving_team(tmp_path_factory.mktemp("team") / "home", issuer, limits) as running:
        yield running
