"""One worker's time in office: the worker, its own folder, and the calls it has been given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.metrics import Metrics
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.temporary import TemporaryFolders
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_sdk.status import HealthStatus


class Tenure:
    """Counts the calls of one worker. Made by :func:`begin`, ended by :meth:`end`."""

    def __init__(self, worker: Worker, edition: Edition, began: float, discard: Callable[[], None]) -> None:
        self.worker = worker
        self.edition = edition
        self.began = began
        self.checked = began
        self.checked_on = edition.decided_on
        self.warned = edition.warnings
        self.in_flight = 0
        self.calls = 0
        self.health: HealthStatus | None = None
        self._discard = discard
        self._ending: asyncio.Future[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def memory_bytes(self) -> int | None:
        """What the worker uses; ``None`` where that cannot be seen."""
        usage = self.worker.usage()
        return None if usage is None else usage.memory_bytes

    @property
    def is_open(self) -> bool:
        """Whether a call given to the worker now would reach it."""
        return self.worker.is_open

    def enter(self) -> None:
        """Count a call; :meth:`leave` must follow."""
        self.calls += 1
        self.in_flight += 1
        self._idle.clear()

    def leave(self) -> None:
        """Count the end of a call."""
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    async def idle(self, seconds: float) -> bool:
        """Return whether every call has ended, waiting no longer than that."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def end(self) -> None:
        """End the worker now if it has not ended, and remove its folder, whoever stops waiting for it."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        try:
            await asyncio.shield(self._ending)
        except asyncio.CancelledError:
            await asyncio.wait([self._ending])
            raise

    async def _end(self) -> None:
        await self.worker.kill()
        await asyncio.to_thread(self._discard)


async def begin(
    edition: Edition,
    surroundings: Surroundings,
    temporary: TemporaryFolders,
    log: AccessLog,
    now: float,
    metrics: Metrics | None = None,
) -> Tenure:
    """Start a worker of ``edition`` in an empty folder of its own, with the plugin initialised.

    Raises:
        As :func:`~theodore_loader.supervise.worker.spawn_worker`; nothing is left behind then.

    """
    making = asyncio.ensure_future(asyncio.to_thread(temporary.fresh, edition.plan.name))
    try:
        folder = await asyncio.shield(making)
    except asyncio.CancelledError:  # its thread goes on, and what it makes would be nobody's
        await asyncio.to_thread(temporary.discard, await making)
        raise

    def discard() -> None:
        temporary.discard(folder)

    try:
        plan = replace(edition.plan, folders={**edition.plan.folders, "tmp": Path(folder)})
        worker = await spawn_worker(plan, surroundings, log, metrics)
    except BaseException:
        removing = asyncio.ensure_future(asyncio.to_thread(discard))
        await asyncio.wait([removing])  # unlike awaiting it, not cancelled together with its waiter
        raise
    return Tenure(worker, edition, now, discard)
