"""Figures of a plugin: bounded names, sums that survive workers, nothing a worker chooses."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest

from theodore_loader import errors
from theodore_loader.channel.methods import BadValueError
from theodore_loader.supervise.meter import Usage
from theodore_loader.supervise.metrics import Metrics, error_code
from theodore_loader.supervise.metrics_snapshot import BOUNDS, Histogram, Live, MetricsSnapshot
from theodore_sdk import PluginPermissionError, ResourceLimitExceeded


def denied() -> PluginPermissionError:
    return PluginPermissionError("network", "example.com:443", location="plugin.py:3", enforced_by="broker")


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (errors.CallTimeout("late"), "timeout"),
        (errors.ProtocolViolation("odd"), "protocol"),
        (errors.WorkerCrashed("gone"), "crashed"),
        (errors.LimitExceeded("disk", "full"), "limit"),
        (ResourceLimitExceeded("max_memory_mb", "full"), "limit"),
        (errors.RemoteError("Evil\nname", "text"), "remote"),
        (BadValueError("no such type"), "invalid"),
        (asyncio.CancelledError(), "cancelled"),
        (TypeError("wrong"), "arguments"),
        (KeyError("what"), "other"),
    ],
    ids=lambda at: at if isinstance(at, str) else type(at).__name__,
)
def test_what_a_call_raised_has_a_code_from_a_fixed_list(problem, code):
    assert error_code(problem) == code


def test_calls_are_counted_by_operation_code_and_time():
    metrics = Metrics("demo", ["scrape_content", "health_check"])
    one = metrics.call("scrape_content")
    started = one.begin()
    assert metrics.snapshot().in_flight == 1
    one.end(started)
    one.end(one.begin(), errors.RemoteError("ValueError", "no"))
    metrics.call("health_check").end(metrics.call("health_check").begin(), errors.CallTimeout("late"))
    now = metrics.snapshot()
    assert (now.calls, now.in_flight) == (3, 0)
    assert now.errors == {"remote": 1, "timeout": 1}
    assert {at.name: at.calls for at in now.methods} == {"scrape_content": 2, "health_check": 1}
    assert all(at.latency.count == at.calls and 0 < at.latency.seconds < 1 for at in now.methods)


def test_names_a_worker_chooses_make_no_series():
    metrics = Metrics("demo", ["scrape_content"])
    for number in range(1_000):
        one = metrics.call(f"evil{number}")
        one.end(one.begin(), errors.RemoteError(f"Type{number}", "x"))
        metrics.denied(f"source{number}", 2)
    now = metrics.snapshot()
    assert [at.name for at in now.methods] == ["other"]
    assert now.errors == {"remote": 1_000}
    assert now.denials == {"other": 2_000}


def test_sums_go_on_when_a_worker_is_replaced():
    metrics = Metrics("demo")
    metrics.attach(1, lambda: Live(Usage(cpu_seconds=2.0, peak_memory_bytes=90), 7, connections=3, bytes_in=10))
    metrics.attach(2, lambda: Live(Usage(cpu_seconds=0.5, peak_memory_bytes=40, memory_bytes=30), bytes_in=1))
    for _ in range(2):
        now = metrics.snapshot()
        assert (now.cpu_seconds, now.peak_memory_bytes, now.connections, now.bytes_in) == (2.5, 90, 3, 11)
        assert now.usage is not None
        assert now.usage.memory_bytes == 30
        metrics.retire(1)
        metrics.retire(1)
    assert metrics.snapshot().queue_bytes == 0
    metrics.retire(2)
    assert metrics.snapshot().usage is None
    assert metrics.snapshot().cpu_seconds == 2.5


def test_a_snapshot_crosses_msgspec():
    metrics = Metrics("demo", ["scrape_content"])
    metrics.started({"total": 12.5})
    metrics.call("scrape_content").end(metrics.call("scrape_content").begin())
    snapshot = metrics.snapshot()
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=MetricsSnapshot) == snapshot


def test_quantiles_are_bounds_of_buckets():
    counts = [0] * (len(BOUNDS) + 1)
    assert Histogram(tuple(counts), 0.0).quantile(0.5) == 0.0
    counts[3], counts[-1] = 98, 2
    histogram = Histogram(tuple(counts), 1.0)
    assert histogram.quantile(0.5) == BOUNDS[3]
    assert histogram.quantile(0.99) == float("inf")


def test_a_snapshot_from_another_thread_meets_whole_figures():
    metrics = Metrics("demo", ["scrape_content"])
    stop, seen = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            now = metrics.snapshot()
            seen.append(sum(now.errors.values()) <= 3_000)

    reader = threading.Thread(target=read)
    reader.start()
    problems = (errors.CallTimeout("x"), errors.RemoteError("x", "y"), KeyError("z"))
    for number in range(3_000):
        one = metrics.call("scrape_content")
        one.end(one.begin(), problems[number % 3])
        metrics.denied(("broker", "hook", "kernel")[number % 3])
    stop.set()
    reader.join()
    assert seen
    assert all(seen)
    assert metrics.snapshot().calls == 3_000
