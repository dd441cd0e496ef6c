"""What happened to a plugin, in numbers: calls, errors, latencies, restarts, denials, and what its workers use.

Kept by the host, for as long as the plugin is loaded, over all of its workers. Counting a call costs less than a
microsecond. Write from the event loop's thread; :meth:`Metrics.snapshot` may be called from any.
"""

from __future__ import annotations

import asyncio
import functools
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from theodore_loader import errors
from theodore_loader.channel.methods import BadValueError
from theodore_loader.supervise.meter.usage import Usage
from theodore_loader.supervise.metrics_snapshot import (
    BOUNDS,
    Histogram,
    Live,
    MethodSnapshot,
    MetricsSnapshot,
    Standing,
)
from theodore_sdk.errors import PluginPermissionError, ResourceLimitExceeded

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
