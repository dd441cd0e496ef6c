"""Monitors: take metrics in, hand out what they mean."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from theodore_sdk.info import PluginCategory
from theodore_sdk.plugin import PluginInterface


class MetricKind(StrEnum):
    """How samples of one metric add up: counters only grow, gauges move, histograms spread."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class AlertSeverity(StrEnum):
    """How urgent an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class MetricSample:
    """One measurement. ``unit`` is spelled out (``seconds``, ``bytes``); ``timestamp`` carries a timezone.

    Raises:
        ValueError: ``timestamp`` carries no timezone.

    """

    name: str
    value: float
    timestamp: datetime
    kind: MetricKind = MetricKind.GAUGE
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is None:
            raise ValueError("timestamp needs a timezone, for example datetime.now(UTC)")


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """What a monitor knows about one metric since it started."""

    name: str
    count: int
    last: float
    minimum: float
    maximum: float
    mean: float


@dataclass(frozen=True, slots=True)
class Alert:
    """Something an operator should look at; ``metric`` is the metric that caused it."""

    metric: str
    severity: AlertSeverity
    message: str


class MonitorPlugin(PluginInterface):
    """Base class of plugins that watch the system."""

    category: ClassVar[PluginCategory] = PluginCategory.MONITOR

    @abstractmethod
    async def record_metrics(self, samples: Sequence[MetricSample]) -> None:
        """Take samples in; must return quickly, because the host waits."""

    @abstractmethod
    async def collect_metrics(self) -> tuple[MetricSummary, ...]:
        """Return one summary per metric, sorted by name."""

    async def evaluate_alerts(self) -> tuple[Alert, ...]:
        """Return what needs attention now; by default nothing ever does."""
        return ()
