"""Where calls go: to the worker of the moment, to the next one while there is none, and never to one that leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from theodore_loader.channel.methods import Method
from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise import refusals
from theodore_loader.supervise.life import Life
from theodore_loader.supervise.tenure import Tenure
from theodore_loader.supervise.violations import during


class Route:
    """The workers of one plugin.

    ``refuse_hopeless`` is asked with a deadline in seconds, whenever a call would have to wait; it raises where no
    worker will come in that time.
    """

    def __init__(self, name: str, life: Life, refuse_hopeless: Callable[[float], None]) -> None:
        self.tenure: Tenure | None = None
        self.leaving: set[Tenure] = set()
        self._name = name
        self._life = life
        self._refuse_hopeless = refuse_hopeless

    @property
    def everyone(self) -> tuple[Tenure, ...]:
        """Every worker there is."""
        return (*self.leaving, *(() if self.tenure is None else (self.tenure,)))

    def vacate(self) -> Tenure | None:
        """Take the route away from the worker of the moment, which finishes its calls; return it."""
        former, self.tenure = self.tenure, None
        if former is not None:
            self.leaving.add(former)
        return former

    async def call(self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any], seconds: float) -> Any:
        """Run an operation within ``seconds``, the wait for a worker included. See :meth:`Supervisor.call`."""
        tenure, left = self.tenure, None
        if tenure is None or not tenure.is_open:
            tenure, left = await self._next(seconds)
        tenure.enter()
        try:
            return await tenure.worker.call(method, args, kwargs, seconds=left)
        except WorkerCrashed as crash:
            raise during(crash, method.name) from None
        finally:
            tenure.leave()

    async def stream(
        self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any], seconds: float
    ) -> AsyncGenerator[Any, None]:
        """Iterate over what a streaming operation yields, the wait for a worker included in ``seconds``."""
        tenure, left = self.tenure, None
        if tenure is None or not tenure.is_open:
            tenure, left = await self._next(seconds)
        tenure.enter()
        try:
            async with aclosing(tenure.worker.stream(method, args, kwargs, seconds=left)) as items:
                async for item in items:
                    yield item
        except WorkerCrashed as crash:
            raise during(crash, method.name) from None
        finally:
            tenure.leave()

    async def _next(self, seconds: float) -> tuple[Tenure, float]:
        """Return the next worker that can be called, and what is left of ``seconds`` by then."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        try:
            async with asyncio.timeout_at(until):
                while self.tenure is None or not self.tenure.is_open:
                    self._refuse_hopeless(seconds)
                    await self._life.change()
        except TimeoutError:
            raise refusals.too_late(self._name, seconds, self._life.state, self._life.because) from None
        return self.tenure, max(until - loop.time(), 0.001)
