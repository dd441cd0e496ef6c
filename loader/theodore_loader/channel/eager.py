"""Starting a task in this turn of the event loop instead of the next.

From Python 3.12 on tasks can be started eagerly. Before, a new task waits as the last of the loop's ready callbacks;
running that callback here is what the loop would do next if nothing else were ready, so the first step of the
coroutine runs as any other: as the current task, in its own context. Both must be called where no task runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

if sys.version_info >= (3, 12):

    def start_now(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Return the task of a coroutine that has run until it first waited, or to its end."""
        return asyncio.Task(work, loop=loop, eager_start=True)

else:

    def start_now(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Return the task of a coroutine that has run until it first waited, or to its end."""
        task = asyncio.Task(work, loop=loop)
        ready = getattr(loop, "_ready", None)
        if ready and getattr(ready[-1]._callback, "__self__", None) is task:
            ready.pop()._run()
        return task
