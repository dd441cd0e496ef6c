"""A graceful end: no new calls, running ones finish, the plugin cleans up, and the process is gone in any case."""

from __future__ import annotations

from theodore_loader.supervise.tenure import Tenure


async def drain(tenure: Tenure, seconds: float) -> None:
    """End a worker that gets no more calls: within ``seconds`` for those that run, plus what ``cleanup`` may take.

    A caller that is cancelled while it waits ends the worker at once: nothing survives it.
    """
    try:
        await tenure.idle(seconds)
        await tenure.worker.close()
    finally:
        await tenure.end()
