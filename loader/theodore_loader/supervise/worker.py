"""One running plugin as the host holds it: started, confined, loaded, called, ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from theodore_loader.broker import http_wire
from theodore_loader.broker.services import Services
from theodore_loader.channel import codec
from theodore_loader.channel.client import ChannelClosed, HostChannel
from theodore_loader.channel.methods import ANY, INITIALIZE, BadValueError, Method, methods_of
from theodore_loader.channel.requests import Request, request_of
from theodore_loader.channel.unasked import Handlers
from theodore_loader.errors import ConfigurationProblem, LoaderError, RemoteError, WorkerCrashed
from theodore_loader.supervise import diagnosis, programs
from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.authorities import with_authorities
from theodore_loader.supervise.calls import Calls
from theodore_loader.supervise.handshake import Handshake, receipt_of
from theodore_loader.supervise.harness import Harness, Held
from theodore_loader.supervise.meter import Usage, refuse_full
from theodore_loader.supervise.metrics import Metrics
from theodore_loader.supervise.metrics_snapshot import Live
from theodore_loader.supervise.plan import Plan, not_enforced, setup_of
from theodore_loader.supervise.receipt import LoadReceipt
from theodore_loader.supervise.recording import Recorder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.worker.setup import Setup
from theodore_sdk.errors import PluginPermissionError
from theodore_sdk.info import PluginCategory, PluginInfo
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.ports import CATEGORY_BASES

SHUTDOWN_SECONDS = 2.0
EXIT_SECONDS = 0.5
"""How long a worker that closed its channel may take to exit before it is killed."""


class Worker:
    """A plugin's process and everything the host keeps for it. Made by :func:`spawn_worker`."""

    def __init__(
        self, plan: Plan, surroundings: Surroundings, log: AccessLog | None = None, metrics: Metrics | None = None
    ) -> None:
        self.plan = plan
        self.receipt: LoadReceipt | None = None
        self.access_log = log or AccessLog(surroundings.logs, plan.name)
        self._own_log = log is None
        self.methods: Mapping[str, Method] = methods_of(self.base)
        self.metrics = metrics or Metrics(plan.name, (INITIALIZE, *self.methods))
        self._surroundings = surroundings
        self._recorder = Recorder(plan.name, self.access_log, surroundings.on_log, self.end)
        self._services = Services(surroundings.services, plan.grants, self._recorder.service)
        self._ended: LoaderError | None = None
        self._gone = asyncio.Event()
        self._programs = programs.Programs()
        recorder = self._recorder
        recorder.denials = self.metrics.denied
        self._harness = Harness(plan, surroundings, recorder, end=self.end, exited=self._exited)
        handlers = Handlers(
            recorder.log_frame, recorder.accesses, self._services.call, self._on_channel_end, self._harness.ease
        )
        self._channel = HostChannel(handlers)
        self._handshake = Handshake(plan, self._channel, recorder.last_words, self._diagnosis)
        self._calls = Calls(self._channel, self.metrics, self._diagnosis)

    @property
    def base(self) -> type[PluginInterface]:
        """The SDK base class of the plugin's category."""
        return CATEGORY_BASES[PluginCategory(self.plan.manifest.info.category)]

    @property
    def info(self) -> PluginInfo:
        """The metadata of the manifest."""
        return self.plan.manifest.info

    @property
    def ended(self) -> LoaderError | None:
        """Why the worker has ended, or ``None`` while it runs."""
        return self._ended

    @property
    def is_open(self) -> bool:
        """Whether a call made now would reach it: its channel is open, and nothing has ended it."""
        return self._ended is None and self._channel.is_open

    @property
    def pid(self) -> int | None:
        """The worker's process id while there is one."""
        process = self._harness.process
        return None if process is None else process.pid

    def usage(self) -> Usage | None:
        """Return what the worker uses, as the host measures it; ``None`` before it has started."""
        return self._harness.usage()

    @property
    def throttled(self) -> bool:
        """Whether it is slow because it is held back for its ``max_cpu_percent``, and not ill."""
        return self._harness.throttled

    def live(self) -> Live:
        """Return what it uses now, for its plugin's metrics."""
        return self._harness.live(self._channel.unsent)

    # starting

    async def start(self) -> None:
        """Start the process, have it confine itself, load the plugin's class.

        Raises:
            TierUnavailable: it reached less than the plan demands; nothing of the plugin was read.
            WorkerCrashed: it ended or did not answer in time; the message holds its last words.
            RemoteError, PluginPermissionError: importing the plugin raised.
            ConfigurationProblem: a program it needs is missing.

        """
        try:
            self._programs = programs.resolve(self.plan)
            await refuse_full(self.plan.name, self.plan.folders, self.plan.disk)
            await self._start()
        except BaseException:
            await self.kill()
            raise

    async def _start(self) -> None:
        started = time.perf_counter()
        held = await self._spawn()
        spawned = time.perf_counter()
        ready = await self._handshake.confine(self._setup(), held.process.pid)
        confined = time.perf_counter()
        self._calls.begin()  # the plugin's own code runs from here on
        loaded = await self._handshake.load(self.base, self._services.granted, self.methods)
        self._calls.end()
        milliseconds = {
            **{f"worker {phase}": value for phase, value in ready.milliseconds.items()},
            "spawn": (spawned - started) * 1000,
            "ready": (confined - started) * 1000,
            "import": loaded.milliseconds,
            "total": (time.perf_counter() - started) * 1000,
        }
        unenforced = not_enforced(self._programs, held.meter.not_enforced(), self.plan.minimum_tier, ready.tier)
        receipt = receipt_of(self.plan, ready, unenforced, milliseconds)
        self.receipt = replace(receipt, enforced=held.meter.enforcement(), started_by=held.process.started_by)
        self.metrics.started(milliseconds)

    async def _spawn(self) -> Held:
        held = await self._harness.start(self._programs)
        self._calls.meter = held.meter
        self.metrics.attach(id(self), self.live)
        self._services.reserve(http_wire.SERVICE, held.broker.http.call)
        self._channel.attach(held.ends.channel)
        return held

    def _setup(self) -> Setup:
        around = self._surroundings
        setup = setup_of(self.plan, around.runtime, around.environment, self._programs)
        return with_authorities(setup, around.authorities)

    async def _diagnosis(self) -> LoaderError:
        """Return why the worker ended, once its exit and its last words have arrived."""
        return (await self.wait_ended()).with_traceback(None)

    # calling

    async def initialize(self, config: Mapping[str, Any]) -> None:
        """Have the plugin check a prepared configuration, then initialise it.

        Raises:
            ConfigurationProblem: its ``validate_configuration`` says no.

        """
        verdict = await self.call(self.methods["validate_configuration"], (dict(config),), {})
        if not verdict.is_valid:
            raise ConfigurationProblem(
                f"{self.plan.name} refuses its configuration: {'; '.join(verdict.errors)}",
                help="correct the configuration given to load(); the plugin's schema lists its keys",
            )
        await self._calls.run(Request(INITIALIZE, [dict(config)], self._within(None)), ANY.decode)

    async def ping(self, seconds: float) -> None:
        """Return when the worker's event loop has answered.

        Raises:
            TimeoutError: it did not in time; something occupies it.
            LoaderError: the worker has ended.

        """
        await self._channel.ping(seconds)

    async def call(
        self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, seconds: float | None = None
    ) -> Any:
        """Run one of :attr:`methods` and return its result as the declared type.

        ``seconds`` is a deadline below the plan's own.

        Raises:
            TypeError: the arguments do not fit the signature.
            RemoteError: the plugin raised, or returned something else than it declares.
            PluginPermissionError: it attempted something outside its grants and let the refusal through.
            CallTimeout, WorkerCrashed, ProtocolViolation: see ``errors``.

        """
        longest = self.plan.limits.max_execution_time_seconds
        request = request_of(method, args, kwargs, longest if seconds is None else min(seconds, longest))
        try:
            return await self._calls.run(request, method.read)
        except PluginPermissionError as denied:
            self._recorder.denied(denied)
            raise
        except BadValueError as problem:
            raise _invalid(method, problem) from None

    async def stream(
        self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, seconds: float | None = None
    ) -> AsyncGenerator[Any, None]:
        """Iterate over what a streaming method yields; leaving the iteration, in whatever way, stops the method.

        ``seconds`` bounds the whole stream, below the plan's own limit.

        Raises:
            As :meth:`call`; what was yielded before has been delivered.

        """
        request = request_of(method, args, kwargs, self._within(seconds))
        try:
            async with aclosing(self._calls.stream(request, method.read)) as items:
                async for item in items:
                    yield item
        except PluginPermissionError as denied:
            self._recorder.denied(denied)
            raise
        except BadValueError as problem:
            raise _invalid(method, problem) from None

    def _within(self, seconds: float | None) -> float:
        longest = self.plan.limits.max_execution_time_seconds
        return longest if seconds is None else min(seconds, longest)

    # ending

    async def wait_ended(self) -> LoaderError:
        """Return why the worker has ended, as soon as it has."""
        await self._gone.wait()
        assert self._ended is not None  # noqa: S101 - set before the event
        return self._ended

    async def close(self, unfinished: LoaderError | None = None) -> None:
        """End gracefully: ``cleanup``, ``shutdown``, and SIGKILL if that takes longer than it may.

        ``unfinished`` is what calls fail with that are still in flight; no worker is asked to shut down under them.
        """
        self._harness.ease(2 * SHUTDOWN_SECONDS)
        if self._ended is None:
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self.call(self.methods["cleanup"], (), {})
            except Exception as problem:
                self._recorder.line("host", logging.WARNING, f"cleanup did not succeed: {problem}")
        if unfinished is not None:
            self.end(unfinished)
        if self._ended is None:
            self._channel.send(codec.Shutdown())
            await self._harness.wait(SHUTDOWN_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """End now, and release everything; never leaves a process behind."""
        self.end(WorkerCrashed(f"{self.plan.name}: the worker was stopped"))
        await self._harness.wait()
        self._harness.close()
        self._recorder.close()
        if self._own_log:
            self.access_log.close()

    def end(self, reason: LoaderError) -> None:
        """End the worker; the first reason is the one that stays."""
        if self._ended is None:
            self._ended = reason
            self._gone.set()
        self._channel.end(reason)
        self.metrics.retire(id(self))
        self._harness.kill()

    def _on_channel_end(self, reason: LoaderError) -> None:
        """Give a worker that closed its channel a moment to exit by itself: its status is the better reason."""
        if isinstance(reason, ChannelClosed) and self._ended is None:
            asyncio.get_running_loop().call_later(EXIT_SECONDS, self.end, reason)
        else:
            self.end(reason)

    def _exited(self, status: int) -> None:
        assert self._harness.process is not None  # noqa: S101 - it has just ended
        self.end(self._harness.cause() or self._crashed(self._harness.process.ending, status))

    def _crashed(self, ending: str, status: int) -> WorkerCrashed:
        who = f"{self.plan.name}: the worker"
        if not self._handshake.was_ready:
            return diagnosis.of_exit(who, status, ending, self._recorder.stderr.tail)
        return WorkerCrashed(f"{who} {ending}{self._recorder.last_words()}", status=status)


def _invalid(method: Method, problem: BadValueError) -> RemoteError:
    return RemoteError("InvalidResult", f"{method.name} returned another type than declared: {problem}")


async def spawn_worker(
    plan: Plan, surroundings: Surroundings, log: AccessLog | None = None, metrics: Metrics | None = None
) -> Worker:
    """Start a worker for ``plan`` and initialise the plugin in it. Verification is the caller's business.

    ``log`` is an access log that outlives the worker, ``metrics`` its figures; without them it has its own.

    Raises:
        As :meth:`Worker.start` and the plugin's own ``initialize``.

    """
    worker = Worker(plan, surroundings, log, metrics)
    await worker.start()
    try:
        await worker.initialize(plan.config)
    except BaseException:
        await worker.kill()
        raise
    return worker
