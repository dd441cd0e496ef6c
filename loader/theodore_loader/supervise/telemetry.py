"""The figures of loaded plugins as OpenTelemetry metrics. Optional: ``pip install theodore-plugin[telemetry]``.

Only the API is used; where they go is the application's choice of SDK and exporter. Names and units are those of the
semantic conventions where there are such (``rpc.client.*``, ``process.*``, ``error.type``), ``theodore.plugin.*``
otherwise. Attributes are plugins' names, operations of contracts, and words from fixed lists: nothing that a worker
says becomes a name, an attribute, or another time series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.supervise.metrics import Metrics
from theodore_loader.supervise.metrics_snapshot import BOUNDS, MetricsSnapshot

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

SCOPE = "theodore_loader"
PLUGIN = "theodore.plugin.name"
SYSTEM = "theodore"

_Point = tuple[float, Mapping[str, str]]
_Read = Callable[[MetricsSnapshot], Iterable[_Point]]


def _one(value: float) -> Iterator[_Point]:
    yield value, {}


def _by(attribute: str, counts: Mapping[str, float]) -> Iterator[_Point]:
    yield from ((value, {attribute: name}) for name, value in counts.items())


def _network(now: MetricsSnapshot) -> Iterator[_Point]:
    return _by("network.io.direction", {"receive": now.bytes_in, "transmit": now.bytes_out})


_COUNTERS: tuple[tuple[str, str, str, _Read], ...] = (
    ("process.cpu.time", "s", "Processor time of the plugin's workers", lambda now: _one(now.cpu_seconds)),
    ("process.network.io", "By", "Bytes over connections the broker made", _network),
    (
        "theodore.plugin.cpu.throttled",
        "s",
        "Time workers were held back for max_cpu_percent",
        lambda now: _one(now.throttled_seconds),
    ),
    (
        "theodore.plugin.worker.restarts",
        "{restart}",
        "Workers started again after a failure",
        lambda now: _one(now.standing.restarts),
    ),
    (
        "theodore.plugin.denials",
        "{denial}",
        "Attempts outside the grants, by who refused them",
        lambda now: _by("theodore.denial.source", now.denials),
    ),
    (
        "theodore.plugin.connections",
        "{connection}",
        "Connections the broker made",
        lambda now: _one(now.connections),
    ),
)
_LEVELS: tuple[tuple[str, str, str, _Read], ...] = (
    (
        "process.memory.usage",
        "By",
        "Private memory of the worker and what it started",
        lambda now: _one(now.usage.memory_bytes) if now.usage else (),
    ),
    (
        "process.thread.count",
        "{thread}",
        "Threads of the worker and what it started",
        lambda now: _one(now.usage.threads) if now.usage else (),
    ),
    (
        "theodore.plugin.disk.usage",
        "By",
        "Blocks allocated in the plugin's folders",
        lambda now: _one(now.usage.disk_bytes) if now.usage else (),
    ),
    ("theodore.plugin.calls.active", "{call}", "Calls that run now", lambda now: _one(now.in_flight)),
    (
        "theodore.plugin.channel.queue",
        "By",
        "Bytes written for the worker that it has not read yet",
        lambda now: _one(now.queue_bytes),
    ),
    (
        "theodore.plugin.state",
        "{plugin}",
        "1 for the state the plugin is in",
        lambda now: _by("theodore.plugin.state", {now.standing.state: 1}) if now.standing.state else (),
    ),
)


class Telemetry:
    """Exports the figures of every plugin it is told of.

    Args:
        provider: where instruments are made; default: OpenTelemetry's global one.

    Raises:
        ConfigurationProblem: the OpenTelemetry API is not installed.

    """

    def __init__(self, provider: MeterProvider | None = None) -> None:
        try:
            from opentelemetry import metrics
        except ImportError:
            raise ConfigurationProblem(
                "telemetry is asked for, and the OpenTelemetry API is not installed",
                help="pip install 'theodore-plugin[telemetry]'",
            ) from None
        self._observation: Callable[[float, Mapping[str, str]], Observation] = metrics.Observation
        self._plugins: dict[str, Metrics] = {}
        self._make(metrics.get_meter(SCOPE, meter_provider=provider))

    def add(self, metrics: Metrics) -> None:
        """Export the figures of a plugin from now on."""
        self._plugins[metrics.plugin] = metrics
        record, plugin = self._duration.record, metrics.plugin

        def recorded(method: str, seconds: float, code: str) -> None:
            attributes = {PLUGIN: plugin, "rpc.system.name": SYSTEM, "rpc.method": method}
            record(seconds, {**attributes, "error.type": code} if code else attributes)

        metrics.listen(recorded)

    def remove(self, plugin: str) -> None:
        """Export nothing of it any more."""
        gone = self._plugins.pop(plugin, None)
        if gone is not None:
            gone.listen(None)

    def _make(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "rpc.client.call.duration",
            unit="s",
            description="Calls of plugins, from the host's side",
            explicit_bucket_boundaries_advisory=BOUNDS,
        )
        for name, unit, text, read in _COUNTERS:
            meter.create_observable_counter(name, [self._observer(read)], unit, text)
        for name, unit, text, read in _LEVELS:
            meter.create_observable_up_down_counter(name, [self._observer(read)], unit, text)

    def _observer(self, read: _Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            for plugin, metrics in list(self._plugins.items()):
                for value, attributes in read(metrics.snapshot()):
                    yield self._observation(value, {PLUGIN: plugin, **attributes})

        return observe
