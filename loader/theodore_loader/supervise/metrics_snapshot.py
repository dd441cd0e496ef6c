"""A plugin's figures at one moment: plain values, as they are shown and exported.

Every name is ours: operations of the contract, codes and sources from fixed lists; text from a worker is never one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theodore_loader.supervise.meter.usage import Usage

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency buckets, in seconds; one more bucket holds what took longer."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long something took.

    Attributes:
        counts: by bucket of :data:`BOUNDS`, and one more.
        seconds: their sum.

    """

    counts: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def quantile(self, part: float) -> float:
        """Return the upper bound of the bucket in which that part of all lies; 0 of none, infinity in the last."""
        wanted, seen = part * self.count, 0
        for bound, count in zip((*BOUNDS, float("inf")), self.counts, strict=True):
            seen += count
            if seen and seen >= wanted:
                return bound
        return 0.0


@dataclass(frozen=True, slots=True)
class MethodSnapshot:
    """One operation of the contract."""

    name: str
    calls: int
    errors: Mapping[str, int]
    latency: Histogram


@dataclass(frozen=True, slots=True)
class Standing:
    """How the plugin stands: its state, the breaker of its restarts (closed or open), workers after the first."""

    state: str = ""
    breaker: str = ""
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Live:
    """What one worker and its surroundings can be asked for.

    Attributes:
        usage: of the worker; ``None`` before it has started.
        queue_bytes: written for the worker and not read by it yet.
        connections: made by the broker for the worker.
        open_connections: of these, still open.
        bytes_in: received over them.
        bytes_out: sent over them.
        refused: connections the broker refused.

    """

    usage: Usage | None = None
    queue_bytes: int = 0
    connections: int = 0
    open_connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """A plugin's figures at one moment, plain values throughout; sums are over all of its workers since it was loaded.

    Attributes:
        calls: that have ended.
        errors: of these, by code.
        in_flight: calls running now.
        standing: its state, and how often it had to be started again.
        denials: refusals by source.
        start_milliseconds: of the last start, by phase.
        cpu_seconds: processor time.
        throttled_seconds: held back for ``max_cpu_percent``.
        peak_memory_bytes: the most any worker had resident.
        queue_bytes: written for the worker and not read by it yet.
        connections: made by the broker.
        open_connections: of these, open now.
        refused: connections the broker refused.
        usage: of the present worker, ``None`` without one.

    """

    plugin: str
    calls: int
    errors: Mapping[str, int]
    in_flight: int
    standing: Standing
    denials: Mapping[str, int]
    methods: tuple[MethodSnapshot, ...]
    start_milliseconds: Mapping[str, float]
    cpu_seconds: float
    throttled_seconds: float
    peak_memory_bytes: int
    queue_bytes: int
    connections: int
    open_connections: int
    bytes_in: int
    bytes_out: int
    refused: int
    usage: Usage | None
