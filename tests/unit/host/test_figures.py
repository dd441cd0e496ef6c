"""What a host tells about its plugins in numbers, and how much it lets them keep."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from theodore_loader.errors import LimitExceeded
from theodore_loader.host import PluginHost
from theodore_loader.supervise.meter import DiskLimit
from theodore_loader.supervise.telemetry import Telemetry
from theodore_sdk import PluginPermissionError, ScrapingRequest


def exported(reader: InMemoryMetricReader) -> dict[str, list]:
    data = reader.get_metrics_data()
    scopes = [scope for one in data.resource_metrics for scope in one.scope_metrics] if data else []
    return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


async def test_calls_denials_and_what_workers_use_are_counted_and_exported(build, trusting, tier, tmp_path):
    wheel = build()
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    host = PluginHost(home=tmp_path / "home", trust=trusting(wheel), minimum_tier=tier, telemetry=Telemetry(provider))
    async with host:
        plugin = await host.load(wheel.path)
        for _ in range(3):
            await plugin.scrape_content(ScrapingRequest(url="https://example.com"))
        with pytest.raises(PluginPermissionError):
            await plugin.scrape_content(ScrapingRequest(url="peek"))
        (status,) = host.plugins()
        calls = {one.name: (one.calls, dict(one.errors)) for one in status.metrics.methods}
        assert calls["scrape_content"] == (4, {"denied": 1})
        assert calls["initialize"] == (1, {})
        assert status.metrics.start_milliseconds["total"] > 0
        assert status.metrics.standing.state == "ready"
        points = exported(reader)
        codes = {p.attributes.get("error.type"): p.count for p in points["rpc.client.call.duration"]}
        assert codes == {None: 3, "denied": 1}
        assert sum(p.value for p in points["process.cpu.time"]) >= 0
        assert {p.attributes["theodore.plugin.name"] for p in points["theodore.plugin.calls.active"]} == {"demo-plugin"}
    assert exported(reader).get("theodore.plugin.calls.active", []) == []
    provider.shutdown()


async def test_the_operator_decides_how_much_a_plugin_keeps(build, trusting, tier, tmp_path):
    wheel = build()
    home = tmp_path / "home"
    async with PluginHost(home=home, trust=trusting(wheel), minimum_tier=tier) as host:
        await host.load(wheel.path)
        assert any(line.startswith("disk: 512 MiB, 50000 files") for line in host.receipt("demo-plugin").enforced)
    for number in range(20):
        (home / "plugins" / "demo-plugin" / "data" / str(number)).touch()
    small = PluginHost(home=home, trust=trusting(wheel), minimum_tier=tier, disk=DiskLimit(files=10))
    async with small as host:
        with pytest.raises(LimitExceeded, match=r"demo-plugin is not started: its folders hold 2. files") as caught:
            await host.load(wheel.path)
        assert "PluginHost(disk=...)" in caught.value.help
