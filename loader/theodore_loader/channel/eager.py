"""Starting a task in this turn of the event loop instead of the next.

From Python 3.12 on tasks can be started eagerly. Before, a new task waits as the last of the loop's ready callbacks;
running that callback here is what the loop would do next if nothing else were ready, so the first step of the
coroutine runs as any other: as the current task, in its own context. It must be called where no task runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

if sys.version_info >= (3, 12):
    Stepping = asyncio.SelectorEventLoop

    def start_now(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Return the task of a coroutine that has run until it first waited, or to its end."""
        return asyncio.Task(work, loop=loop, name=name, eager_start=True)

else:

    class Stepping(asyncio.SelectorEventLoop):
        """An event loop that can give a task's first step away instead of queueing it."""

        _first: tuple[Callable[[], object], Context] | None = None
        _gives_away = False

        def call_soon(  # type: ignore[override]  # the task that is being made looks at no handle
            self, callback: Callable[..., Any], *args: Any, context: Context | None = None
        ) -> asyncio.Handle | None:
            """Call something in the next turn of the loop."""
            if self._gives_away and context is not None:
                self._gives_away, self._first = False, (callback, context)
                return None
            return super().call_soon(callback, *args, context=context)

        def start_now(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            """See the function."""
            self._gives_away = True
            task = asyncio.Task(work, loop=self, name=name)
            first, self._first, self._gives_away = self._first, None, False
            if first is not None:
                step, context = first
                context.run(step)
            return task

    def start_now(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Return the task of a coroutine that has run until it first waited, or to its end."""
        if isinstance(loop, Stepping):
            return loop.start_now(work, name)
        task = asyncio.Task(work, loop=loop, name=name)
        ready = getattr(loop, "_ready", None)
        if ready and getattr(ready[-1]._callback, "__self__", None) is task:
            ready.pop()._run()
        return task
