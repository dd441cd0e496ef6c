"""The deadline of a call: cancel, a short grace, then SIGKILL.

A plugin that ignores the cancellation, spins in C or has stopped itself cannot hold its host: what ends it is not a
request but the end of its process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec  # noqa: TC002 - typing only, but one import style for the channel's types

from theodore_loader.channel.client import HostChannel
from theodore_loader.errors import CallTimeout, LoaderError, WorkerCrashed

GRACE_SECONDS = 0.5


async def call_within(
    channel: HostChannel,
    method: str,
    args: msgspec.Raw,
    seconds: float,
    kill: Callable[[LoaderError], None],
    ease: Callable[[float], None] = lambda _seconds: None,
) -> msgspec.Raw:
    """Return the result of a call, or end it after ``seconds``.

    ``ease`` is told for how long a worker that has to stop something must not be held back.

    A caller that is cancelled cancels the plugin's method too, under the same grace.

    Raises:
        CallTimeout: the deadline passed; the message says whether the worker had to be killed.
        LoaderError: what the worker answered, or how it ended.

    """
    number = 0
    try:
        async with asyncio.timeout(seconds):
            number, future = await channel.start_call(method, args, seconds)
            return await asyncio.shield(future)
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        ease(GRACE_SECONDS)
        _cancel(channel, number, kill)
        raise
    ease(GRACE_SECONDS)
    killed = not await _stopped(channel, number, future) if number else False
    problem = CallTimeout(
        f"{method} did not answer within {seconds:g} s; {'its worker was killed' if killed else 'it was cancelled'}",
        help="raise max_execution_time_seconds in the plugin's resource limits, or find out what it waits for",
    )
    if killed:
        kill(WorkerCrashed(f"the worker was killed because {method} passed its deadline of {seconds:g} s"))
    raise problem


async def _stopped(channel: HostChannel, number: int, future: asyncio.Future[msgspec.Raw]) -> bool:
    """Ask for the end of a call and return whether it came within the grace time."""
    channel.cancel(number)
    await asyncio.wait([future], timeout=GRACE_SECONDS)
    return not channel.is_pending(number)


def _cancel(channel: HostChannel, number: int, kill: Callable[[LoaderError], None]) -> None:
    channel.cancel(number)

    def check() -> None:
        if channel.is_pending(number):
            kill(WorkerCrashed("the worker was killed because it did not stop a cancelled call"))

    asyncio.get_running_loop().call_later(GRACE_SECONDS, check)
