"""Signs of life: a ping answered by the worker's event loop, and the plugin's own ``health_check`` when it is idle.

A ping that a *busy* worker misses says little: a plugin may compute for as long as its call's deadline allows, and
the deadline ends it then. An idle worker that does not answer occupies its loop with something nobody asked for.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from theodore_loader.channel.pending import GRACE_SECONDS
from theodore_loader.errors import CallTimeout, LoaderError, RemoteError, WorkerCrashed
from theodore_loader.supervise.clock import Clock
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.tenure import Tenure
from theodore_sdk.errors import PluginError
from theodore_sdk.status import HealthStatus

HEALTH_CHECK = "health_check"
_THROTTLED_PATIENCE = 4


async def ask(tenure: Tenure, seconds: float) -> HealthStatus:
    """Return what the plugin's ``health_check`` says, and remember it.

    Raises:
        LoaderError, PluginError: it raised, or did not answer in time.

    """
    worker = tenure.worker
    status: HealthStatus = await worker.call(worker.methods[HEALTH_CHECK], (), {}, seconds=seconds)
    tenure.health = status
    return status


async def look_after(tenure: Tenure, settings: Supervision, clock: Clock, looked: Callable[[], None]) -> LoaderError:
    """Look after a worker until it has ended, and return why; ``looked`` is called after each look."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:  # nobody looks any more
            tenure.worker.end(WorkerCrashed(f"{tenure.worker.plan.name}: its supervision failed: {task.exception()!r}"))

    looking = asyncio.create_task(Health(tenure, settings, clock, looked).run())
    looking.add_done_callback(ended)
    try:
        return await tenure.worker.wait_ended()
    finally:
        looking.cancel()


class Health:
    """Looks after one worker until it ends; ends it itself when it is silent for too long.

    ``looked`` is called after each look.
    """

    def __init__(self, tenure: Tenure, settings: Supervision, clock: Clock, looked: Callable[[], None]) -> None:
        self._tenure = tenure
        self._settings = settings
        self._clock = clock
        self._looked = looked
        self._asked = clock.now()
        self._silent = 0
        self._unwell = 0

    async def run(self) -> None:
        """Ask again and again. Returns when the worker has ended."""
        while self._tenure.worker.ended is None:
            await self._clock.sleep(self._settings.ping_seconds)
            await self._look()
            self._looked()

    async def _look(self) -> None:
        if not await self._answers():
            self._silent += 1
            if self._silent >= self._patience():
                self._end(f"its event loop answered none of {self._silent} pings")
            return
        self._silent = 0
        rests = not self._tenure.in_flight and not self._tenure.worker.throttled
        if rests and self._clock.now() - self._asked >= self._settings.health_seconds:
            self._asked = self._clock.now()
            await self._ask()

    async def _answers(self) -> bool:
        try:
            await self._tenure.worker.ping(self._settings.ping_seconds)
        except TimeoutError:
            return False
        except LoaderError:  # it has ended, which others look after
            pass
        return True

    async def _ask(self) -> None:
        """Call ``health_check``. What it says is the plugin's opinion; only that it answers is asked for."""
        try:
            await ask(self._tenure, self._settings.health_deadline_seconds)
        except (CallTimeout, RemoteError, PluginError) as problem:
            self._unwell += 1
            if self._unwell >= self._settings.most_missed:
                self._end(f"{HEALTH_CHECK} failed {self._unwell} times in a row, the last time with: {problem}")
        except LoaderError:
            pass
        else:
            self._unwell = 0

    def _patience(self) -> int:
        most = self._settings.most_missed
        if self._tenure.worker.throttled:  # slow because it is held back; if it never rests, it is stuck all the same
            most *= _THROTTLED_PATIENCE
        if not self._tenure.in_flight:
            return most
        longest = self._tenure.worker.plan.limits.max_execution_time_seconds + GRACE_SECONDS
        return max(most, math.ceil(longest / self._settings.ping_seconds) + 1)

    def _end(self, why: str) -> None:
        name = self._tenure.worker.plan.name
        self._tenure.worker.end(WorkerCrashed(f"{name}: the worker was killed: {why}"))
