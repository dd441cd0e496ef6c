"""What can be said of a supervised plugin: its state, what happened to it, and how it is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theodore_loader.supervise.edition import Edition
    from theodore_loader.supervise.life import Life
    from theodore_loader.supervise.route import Route


class State(StrEnum):
    """Where a plugin is in its life.

    ::

        STARTING ──▶ READY ──▶ DRAINING ──▶ STOPPED
           ▲  │        │
           │  ▼        ▼ crashed
           BACKOFF ◀───┤
                       ▼ violation, revoked
             QUARANTINED, REVOKED ──(released by the operator)──▶ STARTING
    """

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    BACKOFF = "backoff"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"
    STOPPED = "stopped"


class EventKind(StrEnum):
    """What can happen to a plugin.

    ``KEPT`` is a reload or recycling that failed and left the old worker in place; ``DOUBTED`` a plugin that runs and
    would not be started again; ``WARNED`` one that lists of revocations warn about, such as a yanked version.
    """

    STARTED = "started"
    READY = "ready"
    CRASHED = "crashed"
    BACKOFF = "backoff"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"
    WARNED = "warned"
    RELEASED = "released"
    RELOADED = "reloaded"
    RECYCLED = "recycled"
    KEPT = "kept"
    DOUBTED = "doubted"
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


def status_of(
    life: Life,
    edition: Edition,
    route: Route,
    *,
    restarts: int,
    pause: float | None,
) -> PluginStatus:
    """Put together what is known; ``pause`` is the seconds until the next try, where there is to be one."""
    tenure = route.tenure
    receipt = None if tenure is None else tenure.worker.receipt
    waits = life.state is State.BACKOFF and pause is not None
    return PluginStatus(
        name=edition.plan.name,
        version=edition.plan.manifest.info.version,
        state=life.state,
        pid=None if tenure is None else tenure.worker.pid,
        tier=None if receipt is None else receipt.tier.name.lower(),
        since=life.since,
        restarts=restarts,
        last_error=None if life.last_error is None else str(life.last_error),
        retry_at=datetime.now(UTC) + timedelta(seconds=max(0.0, pause or 0.0)) if waits else None,
        in_flight=sum(one.in_flight for one in route.everyone),
        calls=0 if tenure is None else tenure.calls,
        draining=len(route.leaving),
        health=None if tenure is None or tenure.health is None else tenure.health.message,
        marks=edition.marks,
    )
