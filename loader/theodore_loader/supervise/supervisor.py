"""A plugin that outlives its workers: what a host holds while processes come and go.

::

    STARTING ──▶ READY ──▶ DRAINING ──▶ STOPPED
       ▲  │        │
       │  ▼        ▼ crashed, silent, failed start
       BACKOFF ◀───┤
                   ▼ violation, revoked
         QUARANTINED, REVOKED ──(release)──▶ READY

A call goes to the worker of the moment. While there is none it waits for the next one within its own deadline, and
fails at once where none will come. A crash fails the calls in flight and no others. Exchanging a worker (:meth:`swap`)
starts the new one beside the old one and switches between two calls: nobody notices.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from theodore_loader.channel.methods import INITIALIZE, Method, methods_of
from theodore_loader.channel.pending import GRACE_SECONDS
from theodore_loader.errors import ConfigurationProblem, LoaderError, WorkerCrashed
from theodore_loader.supervise import recycling, refusals
from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.clock import Clock, SystemClock
from theodore_loader.supervise.drain import drain
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.health import look_after
from theodore_loader.supervise.life import Life, OnEvent
from theodore_loader.supervise.metrics import Metrics
from theodore_loader.supervise.metrics_snapshot import Standing
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.rechecks import Rechecks
from theodore_loader.supervise.restarts import RestartPolicy
from theodore_loader.supervise.route import Route
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.status import EventKind, PluginStatus, State, status_of
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.tasks import Tasks
from theodore_loader.supervise.temporary import TemporaryFolders
from theodore_loader.supervise.tenure import Tenure, begin
from theodore_loader.supervise.violations import is_revoked, is_violation
from theodore_loader.supervise.warming import Warming
from theodore_loader.supervise.worker import Worker
from theodore_sdk.errors import PluginError
from theodore_sdk.info import PluginInfo
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.ports import CATEGORY_BASES

CLOSE_SECONDS = 5.0
"""What ``cleanup``, the worker's shutdown and its end may take on top of the drain."""


class Supervisor:
    """One plugin's life. Use it from one event loop; :meth:`close` it, or its processes stay until the loop ends.

    Args:
        edition: what to start.
        surroundings: what the host lends to workers.
        temporary: where each worker gets its own folder.
        settings: the operator's choices.
        on_event: told of everything that happens, on the event loop.
        clock, jitter: time, and a number from 0 to 1 for the pauses.

    """

    def __init__(
        self,
        edition: Edition,
        surroundings: Surroundings,
        *,
        temporary: TemporaryFolders,
        settings: Supervision | None = None,
        on_event: OnEvent = lambda _: None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.edition = edition
        self.access_log = AccessLog(surroundings.logs, edition.plan.name)
        self.metrics = Metrics(edition.plan.name, (INITIALIZE, *methods_of(self.base)))
        self.metrics.standing = self._standing
        self.restarts = 0
        self._surroundings = surroundings
        self._temporary = temporary
        self._settings = settings or Supervision()
        self._clock = clock or SystemClock()
        self._policy = RestartPolicy(self._settings.restarts, jitter)
        self._life = Life(edition.plan.name, on_event)
        self._route = Route(edition.plan.name, self._life, self._refuse_hopeless)
        self._warming = Warming()
        self._tasks = Tasks()
        self._rechecks = Rechecks(self._life, self._tasks, self._settings.recheck_seconds)
        self._restarting: asyncio.Task[None] | None = None
        self._exchange = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        self._retry_at: float | None = None
        self._receipt: LoadReceipt | None = None

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.edition.plan.name

    @property
    def info(self) -> PluginInfo:
        """The metadata of the edition that calls go to."""
        return self.edition.plan.manifest.info

    @property
    def base(self) -> type[PluginInterface]:
        """The SDK base class of the plugin's category."""
        return CATEGORY_BASES[self.info.category]

    @property
    def state(self) -> State:
        """Where the plugin is in its life."""
        return self._life.state

    @property
    def worker(self) -> Worker | None:
        """The worker calls go to, if there is one."""
        tenure = self._route.tenure
        return None if tenure is None else tenure.worker

    @property
    def receipt(self) -> LoadReceipt:
        """How the worker runs that calls go to, or went to last.

        Raises:
            ConfigurationProblem: none has started yet.

        """
        if self._receipt is None:
            raise ConfigurationProblem(f"{self.name} has not started", help="a receipt exists once a worker has")
        return replace(self._receipt, verification=self.edition.verification)

    def status(self) -> PluginStatus:
        """Return the plugin as it is now."""
        status = status_of(self._life, self.edition, self._route, restarts=self.restarts, pause=self._pause)
        return replace(status, metrics=self.metrics.snapshot())

    def _standing(self) -> Standing:
        return Standing(str(self.state), "open" if self._policy.is_open else "closed", self.restarts)

    # calling

    async def call(self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run an operation in the worker of the moment, or in the next one.

        Raises:
            PluginUnavailable: there is none, and none came within the call's deadline; nothing was sent.
            WorkerCrashed: it ended while the call ran; ``safe_to_repeat`` says what that means for the caller.
            As :meth:`~theodore_loader.supervise.worker.Worker.call`.

        """
        return await self._route.call(method, args, kwargs, self.edition.plan.limits.max_execution_time_seconds)

    def stream(self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """Run a streaming operation and iterate over its items. Raises as :meth:`call`, at the first item or later."""
        return self._route.stream(method, args, kwargs, self.edition.plan.limits.max_execution_time_seconds)

    def _refuse_hopeless(self, seconds: float) -> None:
        """Raise where waiting is no use: no worker will come, or none within ``seconds``."""
        if self.state is State.QUARANTINED:
            raise refusals.quarantined(self.name, self._life.because)
        if self.state is State.REVOKED:
            raise refusals.revoked(self.name, self._life.because)
        self._refuse_over()
        pause = self._pause or 0.0
        if self.state is State.BACKOFF and (self._policy.is_open or pause > seconds):
            raise refusals.resting(self.name, pause, self._life.because)

    @property
    def _pause(self) -> float | None:
        """Seconds until the next try, where there is to be one."""
        return None if self._retry_at is None else max(self._retry_at - self._clock.now(), 0.0)

    # the first worker, and those after a failure

    async def start(self) -> None:
        """Start the first worker. What goes wrong is raised, and nothing is tried again.

        Raises:
            As :func:`~theodore_loader.supervise.worker.spawn_worker`.

        """
        try:
            self._appoint(await self._warm(self.edition))
        except BaseException:
            await self.close()
            raise
        self._rechecks.warn(self.edition)

    async def _warm(self, edition: Edition, health_seconds: float | None = None) -> Tenure:
        self._life.tell(EventKind.STARTED, edition)

        def start() -> Coroutine[Any, Any, Tenure]:
            now = self._clock.now()
            return begin(edition, self._surroundings, self._temporary, self.access_log, now, self.metrics)

        try:
            tenure = await self._warming.up(start, health_seconds)
        except asyncio.CancelledError:
            if not _is_cancelled():
                self._refuse_over()
            raise
        if self._life.is_over:
            await tenure.end()
            self._refuse_over()
        return tenure

    def _appoint(self, tenure: Tenure) -> None:
        """Send calls to this worker from now on, and look after it."""
        self._route.tenure, self.edition, self._retry_at = tenure, tenure.edition, None
        self._receipt = tenure.worker.receipt
        self._life.to(State.READY)
        self._life.tell(EventKind.READY, tenure.edition, pid=tenure.worker.pid)
        self._tasks.start(self._watch(tenure))

    async def _watch(self, tenure: Tenure) -> None:
        """Look after a worker to its end, and then after what follows from it."""
        reason = await look_after(tenure, self._settings, self._clock, lambda: self._looked(tenure))
        if tenure is self._route.tenure:
            self._route.tenure = None
            self._failed(reason, lived=self._clock.now() - tenure.began, pid=tenure.worker.pid)
        await tenure.end()

    def _failed(self, reason: LoaderError | PluginError, *, lived: float = 0.0, pid: int | None = None) -> None:
        """Decide what follows from a worker that ended, or could not be started."""
        self._life.last_error = reason
        if is_revoked(reason):
            self._life.to(State.REVOKED)
            self._life.tell(EventKind.REVOKED, self.edition, str(reason), pid=pid)
            return
        self._life.tell(EventKind.CRASHED, self.edition, str(reason), pid=pid)
        if is_violation(reason):
            self._life.to(State.QUARANTINED)
            self._life.tell(EventKind.QUARANTINED, self.edition, str(reason), pid=pid)
            return
        pause = self._policy.failed(self._clock.now(), lived=lived)
        self._retry_at = self._clock.now() + pause
        self._life.to(State.BACKOFF)
        self._life.tell(EventKind.BACKOFF, self.edition, f"tried again in {pause:.1f} s")
        self._restarting = self._tasks.start(self._restart(pause))

    async def _restart(self, pause: float) -> None:
        await self._clock.sleep(pause)
        self._policy.trying(self._clock.now())
        self._life.to(State.STARTING)
        try:
            tenure = await self._start_again()
        except (LoaderError, PluginError) as problem:
            if not self._life.is_over:
                self._failed(problem)
        else:
            self._appoint(tenure)

    async def _start_again(self) -> Tenure:
        """Start another worker of the same edition, if the decision that led to it still stands."""
        try:
            await asyncio.to_thread(self.edition.recheck)
            tenure = await self._warm(self.edition)
        except (LoaderError, PluginError):
            raise
        except Exception as problem:
            raise WorkerCrashed(f"{self.name}: no worker could be started: {problem!r}") from problem
        self.restarts += 1
        return tenure

    async def release(self) -> None:
        """Start a quarantined or revoked plugin again, on the operator's word. If that fails it stays where it is.

        Raises:
            ConfigurationProblem: it is neither.
            LoaderError, PluginError: it could not be started.

        """
        async with self._exchange:
            if self.state not in (State.QUARANTINED, State.REVOKED):
                raise ConfigurationProblem(
                    f"{self.name} is not quarantined, it is {self.state.value}", help="only a quarantined plugin is"
                )
            self._life.tell(EventKind.RELEASED, self.edition)
            self._policy.reset()
            try:
                tenure = await self._start_again()
            except (LoaderError, PluginError) as problem:
                self._life.last_error = problem
                raise
            self._appoint(tenure)

    # exchanging a worker that works

    async def swap(self, edition: Edition, kind: EventKind = EventKind.RELOADED) -> LoadReceipt:
        """Start ``edition`` beside the present worker, ask its health, switch, and let the old one finish its calls.

        Whether ``edition`` may take over is the caller's decision. If anything fails, the old worker stays in place.

        Raises:
            PluginUnavailable: the plugin is being unloaded.
            LoaderError, PluginError: the new worker did not start, initialise, or say that it is healthy.

        """
        async with self._exchange:
            self._refuse_over()
            try:
                tenure = await self._warm(edition, self._settings.health_deadline_seconds)
            except (LoaderError, PluginError, OSError) as problem:
                self._life.tell(EventKind.KEPT, edition, str(problem))
                raise
            self._hand_over(tenure, kind)
        return self.receipt

    def _hand_over(self, tenure: Tenure, kind: EventKind) -> None:
        """Switch from the present worker, or from waiting for one, to ``tenure``."""
        if self._restarting is not None:
            self._restarting.cancel()
        if kind is EventKind.RELOADED:
            self._policy.reset()  # the failures of another version say nothing about this one
        old = self._route.vacate()
        self._appoint(tenure)
        self._life.tell(kind, tenure.edition, pid=tenure.worker.pid)
        if kind is EventKind.RELOADED:
            self._rechecks.warn(self.edition)
        if old is not None:  # its calls have a deadline each, and shall not fail because of the exchange
            longest = old.edition.plan.limits.max_execution_time_seconds + GRACE_SECONDS
            self._tasks.start(self._retire(old, max(longest, self._settings.drain_seconds)))

    def _looked(self, tenure: Tenure) -> None:
        """See, from time to time, whether the worker is due to be exchanged or the plugin was revoked."""
        now = self._clock.now()
        self._rechecks.look(tenure, now)
        why = recycling.due(self._settings.recycling, tenure, now)
        if why is not None and tenure is self._route.tenure and not self._exchange.locked():
            self._tasks.start(self._recycle(why))

    async def _recycle(self, why: str) -> None:
        """Exchange a worker for one of the same edition; one that cannot be had is tried for again later."""
        try:
            await asyncio.to_thread(self.edition.recheck)
            await self.swap(self.edition, EventKind.RECYCLED)
        except (LoaderError, PluginError, OSError) as problem:
            self._life.tell(EventKind.KEPT, self.edition, f"not recycled after {why}: {problem}")

    async def _retire(self, tenure: Tenure, seconds: float) -> None:
        try:
            await drain(tenure, seconds)
        finally:
            self._route.leaving.discard(tenure)

    # the end

    async def close(self) -> None:
        """Take no more calls, let running ones finish within ``drain_seconds``, and end every worker.

        A caller that is cancelled while it waits ends the workers at once: nothing survives it.
        """
        if self._closing is None:
            self._life.to(State.DRAINING)
            self._closing = asyncio.create_task(self._close())
        try:
            await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            self._closing.cancel()
            await asyncio.gather(self._closing, return_exceptions=True)
            raise

    async def _close(self) -> None:
        if self._restarting is not None:
            self._restarting.cancel()
        last = self._route.vacate()
        if last is not None:
            self._tasks.start(self._retire(last, self._settings.drain_seconds))
        try:
            await self._warming.cancel()
            async with asyncio.timeout(self._settings.drain_seconds + CLOSE_SECONDS):
                await self._tasks.wait()
        except (asyncio.CancelledError, TimeoutError):  # close() does not wait any longer, and tells its own caller
            pass
        finally:
            await self._finish()

    async def _finish(self) -> None:
        """End what is left: nothing, unless the drain was cancelled."""
        await self._tasks.cancel()
        await asyncio.gather(*(tenure.end() for tenure in self._route.leaving), return_exceptions=True)
        with suppress(OSError):  # what could not be recorded has ended its worker before
            self.access_log.close()
        self._life.to(State.STOPPED)
        self._life.tell(EventKind.STOPPED, self.edition)

    def _refuse_over(self) -> None:
        if self._life.is_over:
            raise refusals.over(self.name, self.state)


def _is_cancelled() -> bool:
    """Tell whether it is the running task that was cancelled, and not something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
