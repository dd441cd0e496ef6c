"""A graceful end: no new calls, running ones finish, the plugin cleans up, and the process is gone in any case."""

from __future__ import annotations

from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise.tenure import Tenure


async def drain(tenure: Tenure, seconds: float) -> None:
    """End a worker that gets no more calls: within ``seconds`` for those that run, plus what ``cleanup`` may take.

    A caller that is cancelled while it waits ends the worker at once: nothing survives it.
    """
    try:
        done = await tenure.idle(seconds)
        await tenure.worker.close(None if done else _unfinished(tenure, seconds))
    finally:
        await tenure.end()


def _unfinished(tenure: Tenure, seconds: float) -> WorkerCrashed:
    return WorkerCrashed(
        f"{tenure.worker.plan.name}: the worker was stopped: {tenure.in_flight} calls did not end within {seconds:g} s",
        help="give them longer (Supervision.drain_seconds), or wait for them before you unload or reload",
    )
