"""What a host holds a worker's process by: its pipes and sockets, its meter, its broker. Put on at the start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from theodore_loader.broker.dial import Broker
from theodore_loader.errors import LoaderError
from theodore_loader.supervise import warden
from theodore_loader.supervise.launch import Ends
from theodore_loader.supervise.meter import Meter, Usage, group_for
from theodore_loader.supervise.metrics_snapshot import Live
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.process import WorkerProcess
from theodore_loader.supervise.programs import Programs
from theodore_loader.supervise.recording import Recorder
from theodore_loader.supervise.surroundings import Surroundings

LAST_WORDS_SECONDS = 0.01
"""How long what it said last may still be in its pipe when it has ended."""


@dataclass(frozen=True, slots=True)
class Held:
    """All of it, once the worker has started."""

    process: WorkerProcess
    ends: Ends
    meter: Meter
    broker: Broker


class Harness:
    """One worker's. Empty before :meth:`start`; :meth:`kill` and :meth:`close` do with what there is by then.

    Args:
        plan: what the worker is to be.
        surroundings: what the host lends to it.
        recorder: gets what it prints, and what the broker decides.
        end: called with the reason where it must end.
        exited: called with its exit status, a moment after it has ended.

    """

    def __init__(
        self,
        plan: Plan,
        surroundings: Surroundings,
        recorder: Recorder,
        *,
        end: Callable[[LoaderError], None],
        exited: Callable[[int], None],
    ) -> None:
        self.process: WorkerProcess | None = None
        self.ends: Ends | None = None
        self.meter: Meter | None = None
        self.broker: Broker | None = None
        self._plan = plan
        self._surroundings = surroundings
        self._recorder = recorder
        self._end = end
        self._exited = exited

    async def start(self, programs: Programs) -> Held:
        """Start a process and attach everything to it but its channel; it waits there for the first frame.

        Raises:
            WorkerCrashed: no process could be had.

        """
        self.process, self.ends = await self._surroundings.launcher.launch(self._plan.folders["tmp"])
        loop = asyncio.get_running_loop()
        self.process.done.add_done_callback(
            lambda done: loop.call_later(LAST_WORDS_SECONDS, self._exited, done.result())
        )
        if programs.files and not self.process.has_zygote:
            warden.post(self.process, self._surroundings.runtime)
        self.meter = await self._metered(self.process, may_fork=bool(programs.files))
        self._recorder.pid = self.process.pid
        self.broker = Broker(
            self.ends.broker,
            self._plan.grants,
            per_minute=self._plan.limits.max_network_requests_per_minute,
            record=self._recorder.dial,
            violation=self._end,
            limits=self._surroundings.network,
            authorities=self._surroundings.authorities,
        )
        await loop.connect_read_pipe(lambda: self._recorder.stdout, self.ends.stdout)
        await loop.connect_read_pipe(lambda: self._recorder.stderr, self.ends.stderr)
        return Held(self.process, self.ends, self.meter, self.broker)

    async def _metered(self, process: WorkerProcess, *, may_fork: bool) -> Meter:
        plan = self._plan
        return Meter(
            process,
            plan.name,
            plan.limits,
            plan.folders,
            disk=plan.disk,
            may_fork=may_fork,
            over=self._end,
            group=await group_for(process, plan.limits, may_fork=may_fork),
        )

    @property
    def throttled(self) -> bool:
        """Whether the worker is held back for its ``max_cpu_percent``."""
        return self.meter is not None and self.meter.throttled

    def usage(self) -> Usage | None:
        """Return what it uses; ``None`` before it has started."""
        return None if self.meter is None else self.meter.usage()

    def live(self, queue_bytes: int) -> Live:
        """Return what it uses now, its network included."""
        network = None if self.broker is None else self.broker.usage()
        return Live(
            usage=self.usage(),
            queue_bytes=queue_bytes,
            connections=network.connections if network else 0,
            open_connections=network.open if network else 0,
            bytes_in=network.bytes_in if network else 0,
            bytes_out=network.bytes_out if network else 0,
            refused=network.refused if network else 0,
        )

    def ease(self, seconds: float) -> None:
        """Hold nothing back for so long, so that what is to stop can."""
        if self.meter is not None:
            self.meter.ease(seconds)

    def cause(self) -> LoaderError | None:
        """Return the limit for which the kernel has ended it, if it has; ask before :meth:`kill`."""
        return None if self.meter is None else self.meter.cause()

    def kill(self) -> None:
        """Kill the process and all it started; measure and connect no more. May be called again."""
        if self.process is not None:
            self.process.kill()
        if self.meter is not None:
            self.meter.stop()
        if self.broker is not None:
            self.broker.close()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when the process has ended, or after ``seconds``."""
        if self.process is not None:
            # unlike awaiting it, not cancelled together with its waiter
            await asyncio.wait([self.process.done], timeout=seconds)

    def close(self) -> None:
        """Close the pipes and sockets."""
        if self.ends is not None:
            self.ends.close()
