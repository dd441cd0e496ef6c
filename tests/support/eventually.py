"""Waiting for what another process, a thread or the kernel does in its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def eventually(check: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Return True as soon as ``check`` does. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)
    return True
