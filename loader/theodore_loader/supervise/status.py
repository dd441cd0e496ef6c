"""What can be said of a supervised plugin: its state, what happened to it, and how it is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a plugin is in its life.

    ::

        STARTING ──▶ READY ──▶ DRAINING ──▶ STOPPED
           ▲  │        │
           │  ▼        ▼ crashed
           BACKOFF ◀───┤
                       ▼ violation
                  QUARANTINED ──(released by the operator)──▶ STARTING
    """

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    BACKOFF = "backoff"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"


class EventKind(StrEnum):
    """What can happen to a plugin; ``KEPT`` is a reload or recycling that failed and left the old worker in place."""

    STARTED = "started"
    READY = "ready"
    CRASHED = "crashed"
    BACKOFF = "backoff"
    QUARANTINED = "quarantined"
    RELEASED = "released"
    RELOADED = "reloaded"
    RECYCLED = "recycled"
    KEPT = "kept"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a plugin. ``detail`` may hold text of its worker: data, never a format."""

    kind: EventKind
    plugin: str
    version: str
    at: datetime
    pid: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """A plugin as it is now. Can be encoded by msgspec as it stands.

    Attributes:
        pid: of the worker calls go to; ``None`` while there is none.
        tier: the sandbox tier it reached, in lower case.
        since: when it came into this state.
        restarts: how often it was started again after a failure.
        last_error: why the last worker ended, or why the last start failed.
        retry_at: when it is started again, while it waits for that.
        in_flight: calls running now, those in workers that are drained included.
        calls: answered by or running in the present worker.
        draining: workers that finish their calls and get no new ones.
        health: what its ``health_check`` said last.
        marks: what sets it apart, such as ``unsigned``.
        metrics: a snapshot of its figures, where there is one.

    """

    name: str
    version: str
    state: State
    pid: int | None
    tier: str | None
    since: datetime
    restarts: int
    last_error: str | None
    retry_at: datetime | None
    in_flight: int
    calls: int
    draining: int
    health: str | None
    marks: tuple[str, ...]
    metrics: Any = None
