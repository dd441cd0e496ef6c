"""Everything at once, in an order nobody chose: each call ends with an answer or a named error, and nothing stays."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import suppress

import pytest

from theodore_loader.errors import ConfigurationProblem, LoaderError
from theodore_loader.supervise.clock import SystemClock
from theodore_loader.supervise.settings import Restarts, Supervision
from theodore_loader.supervise.status import State

BRISK = Supervision(
    ping_seconds=0.05,
    most_missed=200,  # it is the storm that ends workers, and no busy machine
    drain_seconds=1.0,
    restarts=Restarts(first_seconds=0.01, longest_seconds=0.05, most_failures=1000),
)


async def _kill(demo, dice):
    worker = demo.supervisor.worker
    if worker is not None and worker.ended is None:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, dice.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGSYS]))


async def _swap(demo, dice):
    await demo.supervisor.swap(demo.edition(dice.choice(["1.1.0", "1.2.0", "sick"])))


async def _release(demo, dice):
    await demo.supervisor.release()


async def _abandoned_swap(demo, dice):
    async with asyncio.timeout(dice.random() * 0.05):
        await _swap(demo, dice)


ACTS = (_kill, _kill, _kill, _swap, _release, _abandoned_swap)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_storm_of_crashes_exchanges_and_releases(supervise, seed):
    dice = random.Random(seed)
    demo = await supervise(BRISK, clock=SystemClock())
    outcomes: list[str] = []
    over = asyncio.Event()

    async def call() -> None:
        while not over.is_set():
            try:
                outcomes.append(await demo.do("sleep 0.005"))
            except LoaderError as problem:
                outcomes.append(type(problem).__name__)
                await asyncio.sleep(0.005)

    callers = [asyncio.create_task(call()) for _ in range(4)]
    for _ in range(20):
        acts = [dice.choice(ACTS)(demo, dice) for _ in range(2)]
        for outcome in await asyncio.gather(*acts, return_exceptions=True):
            assert outcome is None or isinstance(outcome, LoaderError | TimeoutError), outcome
        await asyncio.sleep(dice.random() * 0.06)
    calm = len(outcomes)
    async with asyncio.timeout(60):
        while not any(said[0].isdigit() for said in outcomes[calm:]):  # what was done last may not be noticed yet
            if demo.supervisor.state is State.QUARANTINED:
                with suppress(ConfigurationProblem):
                    await demo.supervisor.release()
            await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*callers)
    assert set(outcomes) <= {"1.0.0", "1.1.0", "1.2.0", "WorkerCrashed", "PluginUnavailable", "Quarantined"}
    await demo.supervisor.close()
    assert not demo.supervisor._tasks
    assert not demo.supervisor._route.everyone
    assert not list(demo.home.glob("tmp/host-*/*"))


@pytest.mark.parametrize("state", [State.BACKOFF, State.QUARANTINED, State.STARTING])
async def test_closing_in_any_state_leaves_nothing(supervise, state):
    demo = await supervise()
    number = signal.SIGSYS if state is State.QUARANTINED else signal.SIGKILL
    os.kill(demo.supervisor.worker.pid, number)
    await demo.until(State.BACKOFF, State.QUARANTINED)
    if state is State.STARTING:
        await demo.clock.advance(1.0)
    assert demo.supervisor.state is state
    await demo.supervisor.close()
    assert demo.supervisor.state is State.STOPPED
    assert not demo.supervisor._tasks
    assert not list(demo.home.glob("tmp/host-*/*"))
