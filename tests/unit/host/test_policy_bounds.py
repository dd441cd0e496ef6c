"""What a policy says about connections holds for the plugins of a real host."""

from __future__ import annotations

import socket

import pytest

from theodore_loader.broker.limits import NetworkLimits
from theodore_loader.host import PluginHost
from theodore_loader.policy import load_policy
from theodore_sdk import PermissionType, PluginPermission, ResourceLimitExceeded, ScrapingRequest

DIAL = """
        import socket
        where = ("127.0.0.1", int(request.url))
        self.kept = [socket.create_connection(where) for _ in range(int(request.timeout_seconds))]
"""


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:  # the kernel connects, nobody accepts
        yield server.getsockname()[1]


@pytest.mark.parametrize(("said", "given"), [(2, None), (2, 100), (100, 2)])
async def test_a_plugin_has_no_more_connections_than_policy_and_host_allow(
    build, trusting, tier, tmp_path, port, said, given
):
    policy = tmp_path / "acme.yaml"
    policy.write_text(f"schema: 1\nname: acme\nextends: development\nnetwork_limits: {{connections: {said}}}\n")
    wheel = build(
        scraping=DIAL.strip(), permissions=(PluginPermission(PermissionType.NETWORK, "dials", f"127.0.0.1:{port}"),)
    )
    host = PluginHost(
        home=tmp_path / "home",
        trust=trusting(wheel),
        policy=load_policy(str(policy)),
        minimum_tier=tier,
        network=None if given is None else NetworkLimits(connections=given),
    )
    async with host:
        plugin = await host.load(wheel.path)
        assert (await plugin.scrape_content(ScrapingRequest(url=str(port), timeout_seconds=2))).success
        with pytest.raises(ResourceLimitExceeded, match="2 connections"):
            await plugin.scrape_content(ScrapingRequest(url=str(port), timeout_seconds=3))
