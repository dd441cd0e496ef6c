"""One running plugin as the host holds it: started, confined, loaded, called, ended."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec  # noqa: TC002 - typing only, but one import style for the channel's types

from theodore_loader.broker.dial import Broker, Decision
from theodore_loader.broker.services import Services
from theodore_loader.channel import codec
from theodore_loader.channel.client import ChannelClosed, Handlers, HostChannel
from theodore_loader.channel.methods import INITIALIZE, BadValueError, Method, encode_value, methods_of
from theodore_loader.errors import (
    ConfigurationProblem,
    LoaderError,
    ProtocolViolation,
    RemoteError,
    TierUnavailable,
    WorkerCrashed,
)
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise import process, programs
from theodore_loader.supervise.access_log import AccessLog
from theodore_loader.supervise.limits import call_within
from theodore_loader.supervise.output import CapturedOutput
from theodore_loader.supervise.plan import Plan, not_enforced, setup_of
from theodore_loader.supervise.process_count import ProcessCount, countable
from theodore_loader.supervise.receipt import LayerReceipt, LoadReceipt
from theodore_loader.worker.setup import Setup
from theodore_sdk.errors import PluginPermissionError
from theodore_sdk.info import PluginCategory, PluginInfo
from theodore_sdk.plugin import PluginInterface
from theodore_sdk.ports import CATEGORY_BASES

READY_SECONDS = 15.0
SHUTDOWN_SECONDS = 2.0
EXIT_SECONDS = 0.5
"""How long a worker that closed its channel may take to exit before it is killed."""
LAST_WORDS_SECONDS = 0.01

_T = TypeVar("_T")
OnLog = Callable[["LogRecord"], None]


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line from a worker; ``source`` is ``stdout``, ``stderr`` or a logger's name. Text is data, never a format."""

    plugin: str
    source: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a host lends to its workers: where logs go, what they import, its services, variables and log."""

    logs: Path
    runtime: Path
    services: Mapping[str, object]
    environment: Mapping[str, str]
    on_log: OnLog


class Worker:
    """A plugin's process and everything the host keeps for it. Made by :func:`spawn_worker`."""

    def __init__(self, plan: Plan, surroundings: Surroundings) -> None:
        self.plan = plan
        self.receipt: LoadReceipt | None = None
        self.access_log = AccessLog(surroundings.logs, plan.name)
        self.methods: Mapping[str, Method] = methods_of(self.base)
        self._surroundings = surroundings
        self._services = Services(surroundings.services, plan.grants, self._on_service)
        self._ended: LoaderError | None = None
        self._gone = asyncio.Event()
        self._stdout = CapturedOutput(lambda line: self._log("stdout", logging.INFO, line))
        self._stderr = CapturedOutput(lambda line: self._log("stderr", logging.WARNING, line))
        self._process: process.WorkerProcess | None = None
        self._broker: Broker | None = None
        self._programs = programs.Programs()
        self._count: ProcessCount | None = None
        handlers = Handlers(self._on_log_frame, self._on_access, self._services.call, self._on_channel_end)
        self._channel = HostChannel(handlers)

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
    def pid(self) -> int | None:
        """The worker's process id while there is one."""
        return None if self._process is None else self._process.pid

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
            await self._start()
        except BaseException:
            await self.kill()
            raise

    async def _start(self) -> None:
        started = time.perf_counter()
        await self._spawn()
        spawned = time.perf_counter()
        ready = await self._confined()
        self._count_processes(ready.pid)
        loaded = await self._exchange(self._load_frame(), codec.Loaded, self.plan.limits.max_execution_time_seconds)
        milliseconds = {
            **{f"worker {phase}": value for phase, value in ready.milliseconds.items()},
            "spawn": (spawned - started) * 1000,
            "import": loaded.milliseconds,
            "total": (time.perf_counter() - started) * 1000,
        }
        self.receipt = self._receipt(ready, milliseconds)

    async def _spawn(self) -> None:
        loop = asyncio.get_running_loop()
        popen, ends = process.start(self._surroundings.runtime, self.plan.folders["tmp"])
        self._process = process.WorkerProcess(popen, self._on_exit)
        self._broker = Broker(
            ends.broker,
            self.plan.grants,
            per_minute=self.plan.limits.max_network_requests_per_minute,
            record=self._on_dial,
            violation=self._end,
        )
        await loop.connect_read_pipe(lambda: self._stdout, os.fdopen(ends.stdout, "rb", 0))
        await loop.connect_read_pipe(lambda: self._stderr, os.fdopen(ends.stderr, "rb", 0))
        await loop.create_connection(lambda: self._channel, sock=ends.channel)

    async def _confined(self) -> codec.Ready:
        """Have the worker confine itself; accept the answer to our nonce, from our process, at the demanded tier."""
        nonce = secrets.token_bytes(16)
        setup = encode_value(self._setup())
        try:
            hello = codec.Hello((codec.PROTOCOL_VERSION,), nonce, setup)
            ready = await self._exchange(hello, codec.Ready, READY_SECONDS)
        except RemoteError as problem:
            raise TierUnavailable(
                f"{self.plan.name}: the worker could not confine itself: {problem}",
                help="choose a weaker tier explicitly (--minimum-tier basic), if you accept what it cannot hold",
            ) from None
        if not secrets.compare_digest(ready.nonce, nonce) or ready.pid != self.pid:
            raise ProtocolViolation("the worker answered for somebody else")
        if ready.tier < self.plan.minimum_tier:
            raise TierUnavailable(
                f"{self.plan.name}: reached tier {_tier_name(ready.tier)},"
                f" {_tier_name(self.plan.minimum_tier)} is demanded",
                help="choose a weaker tier explicitly (minimum_tier), and read what it does not hold in the receipt",
            )
        return ready

    def _setup(self) -> Setup:
        return setup_of(self.plan, self._surroundings.runtime, self._surroundings.environment, self._programs)

    def _count_processes(self, pid: int) -> None:
        most = self.plan.limits.max_subprocess_count
        if self._programs.files and countable(pid):
            self._count = ProcessCount(pid, most, lambda count: self._end(self._too_many(count, most)))

    def _too_many(self, count: int, most: int) -> WorkerCrashed:
        return WorkerCrashed(
            f"{self.plan.name}: the worker was killed: {count} processes at once, max_subprocess_count is {most}",
            help="raise max_subprocess_count if the plugin may do that; what its programs start counts too",
        )

    def _load_frame(self) -> codec.Load:
        manifest = self.plan.manifest
        return codec.Load(
            manifest.entry_point,
            f"{self.base.__module__}:{self.base.__name__}",
            encode_value(manifest.info.configuration_schema),
            self._services.granted,
        )

    async def _exchange(self, message: codec.ToWorker, wanted: type[_T], seconds: float) -> _T:
        try:
            answer = await self._channel.exchange(message, seconds)
        except TimeoutError:
            raise WorkerCrashed(
                f"{self.plan.name}: no {wanted.__name__} within {seconds:g} s{self._last_words()}"
            ) from None
        except ChannelClosed:
            raise await self._diagnosis() from None
        if not isinstance(answer, wanted):
            raise ProtocolViolation(f"{type(answer).__name__} where {wanted.__name__} was due")
        return answer

    async def _diagnosis(self) -> LoaderError:
        """Return why the worker ended, once its exit and its last words have arrived."""
        await self._gone.wait()
        assert self._ended is not None  # noqa: S101 - set before the event
        return self._ended.with_traceback(None)

    def _last_words(self) -> str:
        lines = list(self._stderr.tail)[-5:]
        return "; its last lines: " + " | ".join(lines) if lines else ""

    def _receipt(self, ready: codec.Ready, milliseconds: Mapping[str, float]) -> LoadReceipt:
        tier = Tier(min(max(ready.tier, Tier.NONE), Tier.STANDARD))
        missing = tuple(f"{layer.name}: {layer.detail}" for layer in ready.layers if not layer.active)
        return LoadReceipt(
            plugin=self.plan.name,
            version=self.plan.manifest.info.version,
            tier=tier,
            layers=tuple(LayerReceipt(layer.name, layer.active, layer.detail) for layer in ready.layers),
            canaries=tuple(LayerReceipt(canary.name, canary.active, canary.detail) for canary in ready.canaries),
            grants=tuple(str(grant) for grant in self.plan.worker_grants()),
            not_enforced=(*missing, *not_enforced(self.plan, self._programs, counted=self._count is not None)),
            python=ready.python,
            pid=ready.pid,
            milliseconds=milliseconds,
        )

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
        await self._call(INITIALIZE, encode_value([dict(config)]))

    async def call(self, method: Method, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run one of :attr:`methods` and return its result as the declared type.

        Raises:
            TypeError: the arguments do not fit the signature.
            RemoteError: the plugin raised, or returned something else than it declares.
            PluginPermissionError: it attempted something outside its grants and let the refusal through.
            CallTimeout, WorkerCrashed, ProtocolViolation: see ``errors``.

        """
        try:
            return method.decode_result(await self._call(method.name, method.encode_args(args, kwargs)))
        except PluginPermissionError as denied:
            self._on_denied(denied)
            raise
        except BadValueError as problem:
            raise RemoteError(
                "InvalidResult", f"{method.name} returned another type than declared: {problem}"
            ) from None
        except ProtocolViolation as violation:
            self._end(violation)
            raise

    async def _call(self, name: str, raw: msgspec.Raw) -> msgspec.Raw:
        try:
            return await call_within(self._channel, name, raw, self.plan.limits.max_execution_time_seconds, self._end)
        except ChannelClosed:
            raise await self._diagnosis() from None

    # ending

    async def close(self) -> None:
        """End gracefully: ``cleanup``, ``shutdown``, and SIGKILL if that takes longer than it may."""
        if self._ended is None:
            try:
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await self.call(self.methods["cleanup"], (), {})
            except Exception as problem:
                self._log("host", logging.WARNING, f"cleanup did not succeed: {problem}")
        if self._ended is None:
            self._channel.send(codec.Shutdown())
            assert self._process is not None  # noqa: S101 - it runs
            await asyncio.wait([self._process.done], timeout=SHUTDOWN_SECONDS)
        await self.kill()

    async def kill(self) -> None:
        """End now, and release everything; never leaves a process behind."""
        self._end(WorkerCrashed(f"{self.plan.name}: the worker was stopped"))
        if self._process is not None:
            await self._process.done
        self._stdout.close()
        self._stderr.close()
        self.access_log.close()

    def _end(self, reason: LoaderError) -> None:
        """End the worker; the first reason is the one that stays."""
        if self._ended is None:
            self._ended = reason
            self._gone.set()
        self._channel.end(reason)
        if self._count is not None:
            self._count.stop()
        if self._process is not None:
            self._process.kill()
        if self._broker is not None:
            self._broker.close()

    def _on_channel_end(self, reason: LoaderError) -> None:
        """Give a worker that closed its channel a moment to exit by itself: its status is the better reason."""
        if isinstance(reason, ChannelClosed) and self._ended is None:
            asyncio.get_running_loop().call_later(EXIT_SECONDS, self._end, reason)
        else:
            self._end(reason)

    def _on_exit(self, status: int) -> None:
        # Its last words may still be in the pipe.
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, self._exited, status)

    def _exited(self, status: int) -> None:
        self._end(
            WorkerCrashed(f"{self.plan.name}: the worker {process.describe(status)}{self._last_words()}", status=status)
        )

    # recording

    def _on_dial(self, decision: Decision) -> None:
        self._record(
            "network",
            decision.resource,
            granted=decision.granted,
            source="broker",
            detail=decision.detail,
            location=decision.location,
        )

    def _on_service(self, resource: str, granted: bool) -> None:
        self._record("registry", resource, granted=granted, source="broker")

    def _on_access(self, batch: codec.Accesses) -> None:
        for seen in batch.records:
            self._record(
                seen.permission,
                seen.resource,
                granted=seen.granted,
                source="hook",
                location=seen.location,
                count=min(max(seen.count, 1), 1_000_000),
                ts=seen.ts,
            )

    def _on_denied(self, denied: PluginPermissionError) -> None:
        """Record what the kernel refused; broker and hook have recorded their own refusals already."""
        if denied.enforced_by == "kernel":
            self._record(denied.permission, denied.resource, granted=False, source="kernel", location=denied.location)

    def _record(self, permission: str, resource: str, **details: Any) -> None:
        try:
            self.access_log.record(permission, resource, **details)
        except OSError as problem:  # no record, no act: a full disk must not hide what a plugin does
            self._end(WorkerCrashed(f"{self.plan.name}: stopped, the access log cannot be written: {problem}"))

    def _on_log_frame(self, record: codec.Log) -> None:
        self._log(record.logger, record.level, record.text)

    def _log(self, source: str, level: int, text: str) -> None:
        self._surroundings.on_log(LogRecord(self.plan.name, source, level, text))


def _tier_name(tier: int) -> str:
    try:
        return Tier(tier).name.lower()
    except ValueError:
        return f"unknown ({tier})"


async def spawn_worker(plan: Plan, surroundings: Surroundings) -> Worker:
    """Start a worker for ``plan`` and initialise the plugin in it. Verification is the caller's business.

    Raises:
        As :meth:`Worker.start` and the plugin's own ``initialize``.

    """
    worker = Worker(plan, surroundings)
    await worker.start()
    try:
        await worker.initialize(plan.config)
    except BaseException:
        await worker.kill()
        raise
    return worker
