"""Figures as OpenTelemetry metrics, read back by the real SDK."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from theodore_loader.errors import ConfigurationProblem, RemoteError
from theodore_loader.supervise.meter import Usage
from theodore_loader.supervise.metrics import Metrics
from theodore_loader.supervise.metrics_snapshot import BOUNDS, Live, Standing
from theodore_loader.supervise.telemetry import Telemetry

KNOWN = {
    "error.type",
    "network.io.direction",
    "rpc.method",
    "rpc.system.name",
    "theodore.denial.source",
    "theodore.plugin.name",
    "theodore.plugin.state",
}


class Exported:
    """A provider with a reader in memory, and what came out of it."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])

    def metrics(self) -> dict[str, Any]:
        data = self.reader.get_metrics_data()
        if data is None:
            return {}
        return {one.name: one for r in data.resource_metrics for s in r.scope_metrics for one in s.metrics}

    def points(self, name: str) -> list[Any]:
        found = self.metrics()
        return list(found[name].data.data_points) if name in found else []


@pytest.fixture
def exported():
    one = Exported()
    yield one
    one.provider.shutdown()


def used(name: str = "demo") -> Metrics:
    metrics = Metrics(name, ["scrape_content"])
    usage = Usage(cpu_seconds=1.5, memory_bytes=20_000_000, threads=3, disk_bytes=4096, throttled_seconds=0.25)
    metrics.attach(1, lambda: Live(usage, queue_bytes=7, connections=2, bytes_in=100, bytes_out=50))
    metrics.standing = lambda: Standing("ready", "closed", 4)
    return metrics


def test_calls_are_a_histogram_in_seconds_with_operation_and_code(exported):
    telemetry, metrics = Telemetry(exported.provider), used()
    telemetry.add(metrics)
    one = metrics.call("scrape_content")
    one.end(one.begin())
    one.end(one.begin(), RemoteError("ValueError", "x"))
    duration = exported.metrics()["rpc.client.call.duration"]
    assert duration.unit == "s"
    points = {point.attributes.get("error.type"): point for point in duration.data.data_points}
    assert set(points) == {None, "remote"}
    assert points[None].attributes["rpc.method"] == "scrape_content"
    assert points[None].attributes["theodore.plugin.name"] == "demo"
    assert points[None].explicit_bounds == BOUNDS
    assert points[None].count == 1


def test_what_workers_use_has_the_names_and_units_of_the_conventions(exported):
    telemetry = Telemetry(exported.provider)
    telemetry.add(used())
    found = exported.metrics()
    values = {name: (one.unit, one.data.data_points[0].value) for name, one in found.items() if one.data.data_points}
    assert values["process.cpu.time"] == ("s", 1.5)
    assert values["process.memory.usage"] == ("By", 20_000_000)
    assert values["process.thread.count"] == ("{thread}", 3)
    assert values["theodore.plugin.cpu.throttled"] == ("s", 0.25)
    assert values["theodore.plugin.connections"] == ("{connection}", 2)
    assert values["theodore.plugin.worker.restarts"] == ("{restart}", 4)
    (state,) = exported.points("theodore.plugin.state")
    assert state.attributes["theodore.plugin.state"] == "ready"
    directions = {p.attributes["network.io.direction"]: p.value for p in exported.points("process.network.io")}
    assert directions == {"receive": 100, "transmit": 50}


def test_a_plugin_that_is_gone_is_exported_no_more(exported):
    telemetry, metrics = Telemetry(exported.provider), used()
    telemetry.add(metrics)
    telemetry.add(used("other"))
    assert {p.attributes["theodore.plugin.name"] for p in exported.points("process.cpu.time")} == {"demo", "other"}
    telemetry.remove("demo")
    telemetry.remove("never-there")
    assert {p.attributes["theodore.plugin.name"] for p in exported.points("process.cpu.time")} == {"other"}
    one = metrics.call("scrape_content")
    one.end(one.begin())
    assert exported.points("rpc.client.call.duration") == []


def test_text_of_workers_makes_no_series_and_no_attribute(exported):
    telemetry, metrics = Telemetry(exported.provider), used()
    telemetry.add(metrics)
    for number in range(200):
        one = metrics.call(f"evil{number}")
        one.end(one.begin(), RemoteError(f"Type{number}", f"text{number}"))
        metrics.denied(f"source{number}")
    series = [(one.name, p) for one in exported.metrics().values() for p in one.data.data_points]
    assert len(series) < 25
    assert {name for _, point in series for name in point.attributes} <= KNOWN
    assert not any("evil" in str(v) or "Type" in str(v) for _, p in series for v in p.attributes.values())


def test_without_the_api_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationProblem, match="not installed") as caught:
        Telemetry()
    assert "theodore-plugin[telemetry]" in caught.value.help


def test_nobody_who_does_not_ask_for_it_imports_it():
    code = (
        "import sys, theodore_loader.host, theodore_loader.supervise.telemetry; print('opentelemetry' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
