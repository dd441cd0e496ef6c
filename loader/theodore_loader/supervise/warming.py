"""Starting workers in tasks of their own, so that a plugin can be unloaded while one of its workers is starting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise import health
from theodore_loader.supervise.tenure import Tenure

Begin = Callable[[], Coroutine[Any, Any, Tenure]]


class Warming:
    """The workers of one plugin that are being started."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Tenure]] = set()

    async def up(self, begin: Begin, health_seconds: float | None = None) -> Tenure:
        """Return a worker that has started, and that says it is healthy where ``health_seconds`` allow to ask.

        Raises:
            asyncio.CancelledError: the caller was cancelled, or :meth:`cancel` was called; nothing is left running.
            WorkerCrashed: it is not healthy.
            As ``begin``.

        """
        task = asyncio.create_task(_healthy(begin, health_seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            (late,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(late, Tenure):  # it was ready in the moment nobody wanted it any more
                await late.end()
            raise

    async def cancel(self) -> None:
        """Stop every start, and return when nothing is left of them."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _healthy(begin: Begin, seconds: float | None) -> Tenure:
    tenure = await begin()
    if seconds is not None:
        try:
            await _refuse_unhealthy(tenure, seconds)
        except BaseException:
            await tenure.end()
            raise
    return tenure


async def _refuse_unhealthy(tenure: Tenure, seconds: float) -> None:
    status = await health.ask(tenure, seconds)
    if not status.is_healthy:
        raise WorkerCrashed(
            f"{tenure.worker.plan.name}: the new worker says it is not healthy: {status.message}",
            help="find out what its health_check misses",
        )
