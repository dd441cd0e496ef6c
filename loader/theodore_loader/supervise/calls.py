"""The calls of one worker on their way: counted, seen by its meter, and told why it ended under them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from theodore_loader.channel.client import ChannelClosed, HostChannel
from theodore_loader.channel.requests import Request
from theodore_loader.errors import LoaderError
from theodore_loader.supervise.meter import Meter
from theodore_loader.supervise.metrics import MethodFigures, Metrics


class Calls:
    """Sends calls through ``channel`` and counts them in ``metrics``; ``diagnosis`` returns why the worker has ended.

    Attributes:
        meter: looks at the worker more often while a call runs; ``None`` before it has started.

    """

    def __init__(self, channel: HostChannel, metrics: Metrics, diagnosis: Callable[[], Awaitable[LoaderError]]) -> None:
        self.meter: Meter | None = None
        self._channel = channel
        self._metrics = metrics
        self._diagnosis = diagnosis
        self._running = 0

    async def run(self, request: Request, read: Callable[[Any], Any]) -> Any:
        """Return what a call returns. Raises as ``HostChannel.call``, and why the worker ended where it did."""
        figures = self._metrics.call(request.method)
        self._running += 1
        if self._running == 1 and self.meter is not None:
            self.meter.busy(True)
        started = figures.begin()
        try:
            answer = await self._channel.call(request, read)
        except ChannelClosed as closed:
            raise await self._counted_diagnosis(figures, started, closed) from None
        except BaseException as problem:
            figures.end(started, problem)
            raise
        else:
            figures.end(started)
            return answer
        finally:
            self._running -= 1
            if not self._running and self.meter is not None:
                self.meter.busy(False)

    async def stream(self, request: Request, read: Callable[[Any], Any]) -> AsyncGenerator[Any, None]:
        """Iterate over what a call yields. Raises as :meth:`run`."""
        figures = self._metrics.call(request.method)
        self.begin()
        started = figures.begin()
        try:
            async with aclosing(self._channel.stream(request, read)) as items:
                async for item in items:
                    yield item
        except GeneratorExit:
            figures.end(started)
            raise
        except ChannelClosed as closed:
            raise await self._counted_diagnosis(figures, started, closed) from None
        except BaseException as problem:
            figures.end(started, problem)
            raise
        else:
            figures.end(started)
        finally:
            self.end()

    def begin(self) -> None:
        """Have the meter know that the plugin's code runs, until :meth:`end`."""
        self._change(+1)

    def end(self) -> None:
        """Say that what :meth:`begin` began is over."""
        self._change(-1)

    def _change(self, by: int) -> None:
        self._running += by
        if self.meter is not None:
            self.meter.busy(self._running > 0)

    async def _counted_diagnosis(self, figures: MethodFigures, started: float, closed: ChannelClosed) -> LoaderError:
        """Return why the worker ended, and count the call as ended by it, also where nobody waits for that any more."""
        ending: LoaderError = closed
        try:
            ending = await self._diagnosis()
        finally:
            figures.end(started, ending)
        return ending
