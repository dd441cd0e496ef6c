"""A host whose policy asks for the strongest tier."""

from __future__ import annotations

import pytest

from theodore_loader.host import PluginHost
from theodore_loader.policy import load_policy
from theodore_loader.sandbox.tier import Tier, available
from theodore_sdk import ScrapingRequest

OFFER = available(Tier.ISOLATED)
pytestmark = pytest.mark.skipif(OFFER.tier < Tier.ISOLATED, reason="; ".join(OFFER.reasons) or "no namespaces")


async def test_a_policy_that_asks_for_isolation_gets_it(build, trusting, tmp_path):
    path = tmp_path / "strict.yaml"
    path.write_text("schema: 1\nname: strict\nextends: development\nminimum_tier: isolated\n")
    wheel = build()
    policy = load_policy(str(path))
    async with PluginHost(home=tmp_path / "home", trust=trusting(wheel), policy=policy) as host:
        plugin = await host.load(wheel.path)
        result = await plugin.scrape_content(ScrapingRequest(url="https://example.com"))
        receipt = host.receipt("demo-plugin")
    assert result.success
    assert receipt.tier is Tier.ISOLATED
    assert next(layer for layer in receipt.layers if layer.name == "namespaces").active
