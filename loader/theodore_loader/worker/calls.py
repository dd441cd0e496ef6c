"""Which line of the plugin waits for what happens now, also where a library works in tasks and threads of its own."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from types import FrameType
from typing import Any

from theodore_loader.channel.failures import relative_to

_call: ContextVar[asyncio.Task[Any] | None] = ContextVar("theodore_call", default=None)


def enter_call() -> None:
    """Remember the running task as the call that child tasks and ``asyncio.to_thread`` work for."""
    _call.set(asyncio.current_task(asyncio.get_running_loop()))


def waiting_line(root: str) -> str | None:
    """Return ``file:line`` of the innermost plugin coroutine that awaits the current call's work."""
    task = _call.get()
    awaited: Any = None if task is None else task.get_coro()
    found = None
    while awaited is not None:
        found = _line(getattr(awaited, "cr_frame", None), root) or found
        awaited = getattr(awaited, "cr_await", None)
    return found


def _line(frame: FrameType | None, root: str) -> str | None:
    relative = None if frame is None else relative_to(frame.f_code.co_filename, [root])
    return f"{relative}:{frame.f_lineno}" if frame is not None and relative else None
