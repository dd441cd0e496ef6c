"""What happened to a plugin, in numbers: calls, errors, latencies, restarts, denials, and what its workers use.

Kept by the host, for as long as the plugin is loaded, over all of its workers. Counting a call costs less than a
microsecond. Every name in a snapshot is ours: operations of the contract, codes and sources from fixed lists; text from
a worker is never one. Write from the event loop's thread; :meth:`Metrics.snapshot` may be called from any.
"""

from __future__ import annotations

import asyncio
import functools
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from theodore_loader import errors
from theodore_loader.channel.methods import BadValueError
from theodore_loader.supervise.meter.usage import Usage
from theodore_sdk.errors import PluginPermissionError, ResourceLimitExceeded

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency buckets, in seconds; one more bucket holds what took longer."""
OTHER = "other"
SOURCES = ("broker", "hook", "kernel", OTHER)
"""Who refused: the host, the worker's audit hook, the kernel."""

_now = time.perf_counter

Recorded = Callable[[str, float, str], None]
"""Called for each call with its operation, seconds, and error code (empty for success)."""

_CODES: Mapping[type[BaseException], str] = {
    PluginPermissionError: "denied",
    ResourceLimitExceeded: "limit",
    errors.LimitExceeded: "limit",
    errors.CallTimeout: "timeout",
    errors.ProtocolViolation: "protocol",
    errors.WorkerCrashed: "crashed",
    errors.WorkerError: "unavailable",
    errors.RemoteError: "remote",
    BadValueError: "invalid",
    asyncio.CancelledError: "cancelled",
    TypeError: "arguments",
}


def error_code(problem: BaseException) -> str:
    """Return the code of what a call raised: one of a fixed list."""
    return next((_CODES[kind] for kind in type(problem).__mro__ if kind in _CODES), OTHER)


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


class MethodFigures:
    """Counts the calls of one operation. ``started = figures.begin()``, then once ``figures.end(started, problem)``.

    Two calls and no object for each call that is counted: this is on the way of every call of every plugin.
    """

    __slots__ = ("counts", "errors", "in_flight", "name", "recorded", "seconds")

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts = [0] * (len(BOUNDS) + 1)
        self.errors: dict[str, int] = {}
        self.in_flight = 0
        self.recorded: Recorded | None = None
        self.seconds = 0.0

    def begin(self) -> float:
        """Count a call that begins; return the moment."""
        self.in_flight += 1
        return _now()

    def end(self, started: float, problem: BaseException | None = None) -> None:
        """Count its end, with what it raised."""
        seconds = _now() - started
        self.in_flight -= 1
        self.seconds += seconds
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        if problem is not None or self.recorded is not None:
            self._tell(seconds, problem)

    def snapshot(self) -> MethodSnapshot:
        """Return the figures of now."""
        counts = tuple(self.counts)
        return MethodSnapshot(self.name, sum(counts), self.errors.copy(), Histogram(counts, self.seconds))

    def _tell(self, seconds: float, problem: BaseException | None) -> None:
        code = "" if problem is None else error_code(problem)
        if code:
            self.errors[code] = self.errors.get(code, 0) + 1
        if self.recorded is not None:
            self.recorded(self.name, seconds, code)


class Metrics:
    """One plugin's figures.

    Args:
        plugin: its name.
        methods: the operations of its contract; calls of anything else are counted together.

    Attributes:
        standing: asked for how the plugin stands.

    """

    def __init__(self, plugin: str, methods: Iterable[str] = ()) -> None:
        self.plugin = plugin
        self.standing: Callable[[], Standing] = Standing
        self._methods = {name: MethodFigures(name) for name in (*methods, OTHER)}
        self._other = self._methods[OTHER]
        self._denials: dict[str, int] = {}
        self._start: Mapping[str, float] = {}
        self._workers: dict[int, Callable[[], Live]] = {}
        self._past = Live(usage=Usage())

    def call(self, method: str) -> MethodFigures:
        """Return where the calls of an operation are counted."""
        return self._methods.get(method, self._other)

    def listen(self, recorded: Recorded | None) -> None:
        """Have ``recorded`` called for each call that ends, or nobody any more."""
        for figures in self._methods.values():
            figures.recorded = recorded

    def denied(self, source: str, count: int = 1) -> None:
        """Count refusals by who refused."""
        known = source if source in SOURCES else OTHER
        self._denials[known] = self._denials.get(known, 0) + count

    def started(self, milliseconds: Mapping[str, float]) -> None:
        """Keep how long the last start took, by phase."""
        self._start = dict(milliseconds)

    def attach(self, worker: int, live: Callable[[], Live]) -> None:
        """Count what a worker uses from now on; the last one attached is the present one."""
        self._workers[worker] = live

    def retire(self, worker: int) -> None:
        """Keep what a worker has used now that it ends; without effect on one that is not attached."""
        live = self._workers.pop(worker, None)
        if live is not None:
            self._past = _added(self._past, replace(live(), queue_bytes=0, open_connections=0))

    def snapshot(self) -> MetricsSnapshot:
        """Return the figures of now."""
        lives = [live() for live in list(self._workers.values())]
        total = functools.reduce(_added, lives, self._past)
        used = total.usage or Usage()
        methods = tuple(one.snapshot() for one in self._methods.values())
        return MetricsSnapshot(
            plugin=self.plugin,
            calls=sum(one.calls for one in methods),
            errors=_sum(one.errors for one in methods),
            in_flight=sum(one.in_flight for one in self._methods.values()),
            standing=self.standing(),
            denials=self._denials.copy(),
            methods=tuple(one for one in methods if one.calls),
            start_milliseconds=self._start,
            cpu_seconds=used.cpu_seconds,
            throttled_seconds=used.throttled_seconds,
            peak_memory_bytes=used.peak_memory_bytes,
            queue_bytes=total.queue_bytes,
            connections=total.connections,
            open_connections=total.open_connections,
            bytes_in=total.bytes_in,
            bytes_out=total.bytes_out,
            refused=total.refused,
            usage=lives[-1].usage if lives else None,
        )


def _added(one: Live, other: Live) -> Live:
    """Add up what two workers have used; of what is no sum, the greater."""
    first, second = one.usage or Usage(), other.usage or Usage()
    usage = Usage(
        cpu_seconds=first.cpu_seconds + second.cpu_seconds,
        throttled_seconds=first.throttled_seconds + second.throttled_seconds,
        peak_memory_bytes=max(first.peak_memory_bytes, second.peak_memory_bytes),
    )
    return Live(
        usage,
        one.queue_bytes + other.queue_bytes,
        one.connections + other.connections,
        one.open_connections + other.open_connections,
        one.bytes_in + other.bytes_in,
        one.bytes_out + other.bytes_out,
        one.refused + other.refused,
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total
