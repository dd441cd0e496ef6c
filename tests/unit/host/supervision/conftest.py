"""Supervised plugins in real workers, under a clock that a test moves."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from plugin_infos import plugin_info

from theodore_loader.manifest import Manifest
from theodore_loader.proxies import proxy_for
from theodore_loader.sandbox.tier import available
from theodore_loader.supervise.clock import Clock
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.status import Event, EventKind, State
from theodore_loader.supervise.supervisor import Supervisor
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.temporary import TemporaryFolders
from theodore_loader.supervise.zygote import launcher_for
from theodore_sdk import PluginResourceLimits, ScrapingRequest

OFFERED = available().tier

PLUGIN = """
from __future__ import annotations
import asyncio, os, signal, sys, time, threading
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Demo(ScraperPlugin):
    healthy = True
    def get_plugin_info(self):
        raise NotImplementedError
    async def initialize(self, container, config):
        self.container = container
        mark = container.data_dir / "broken"
        if mark.exists():
            os._exit(7)
    async def validate_configuration(self, config):
        return ValidationResult.success()
    async def health_check(self):
        with open(self.container.data_dir / "asked", "a") as file:
            file.write("x")
        if not self.healthy:
            raise RuntimeError("not today")
        return HealthStatus.healthy("fine") if "VERSION" != "sick" else HealthStatus.unhealthy("cannot reach it")
    async def cleanup(self):
        (self.container.data_dir / "cleaned").write_text("VERSION")
    async def supports_javascript(self):
        await asyncio.sleep(30)
        return True
    async def scrape_content(self, request):
        what, _, number = request.url.partition(" ")
        if what == "exit":
            os._exit(int(number or 3))
        elif what == "sleep":
            await asyncio.sleep(float(number))
        elif what == "await":  # until a test lets it go on
            while not (self.container.data_dir / number).exists():
                await asyncio.sleep(0.01)
        elif what == "spin":
            asyncio.get_running_loop().call_soon(lambda: time.sleep(float(number)))
        elif what == "stop":
            asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGSTOP)
        elif what == "forge":
            for descriptor in range(3, 64):
                try:
                    os.write(descriptor, b"\\xff" * 64)
                except OSError:
                    pass
            await asyncio.sleep(30)
        elif what == "sicken":
            self.healthy = False
        elif what == "litter":
            (self.container.data_dir / "tmp").write_text(os.getcwd())
            open("litter", "w").close()
        elif what == "pid":
            return ScrapingResult("", str(os.getpid()), 200, True)
        elif what == "secret":
            try:
                open("/etc/passwd").read()
            except Exception:
                pass
        return ScrapingResult("", "VERSION", 200, True)
"""

INFO = plugin_info(resource_limits=PluginResourceLimits(max_execution_time_seconds=20.0, max_cpu_percent=100))


class MovedClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.sleeps = 0
        self._now = 1000.0
        self._number = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._number), woken))
        self.sleeps += 1
        await woken

    async def advance(self, seconds: float) -> None:
        """Move on; whoever is due by then wakes, in order."""
        for _ in range(5):  # whoever is about to sleep shall be asleep by then
            await asyncio.sleep(0)
        until = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await asyncio.sleep(0)
        self._now = until
        await asyncio.sleep(0)


@dataclass
class Supervised:
    """A supervisor with everything a test moves or looks at."""

    supervisor: Supervisor
    clock: MovedClock
    home: Path
    events: list[Event] = field(default_factory=list)
    plan: Plan | None = None
    approve: Callable[[], Any] = lambda: None
    grounds: object = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]

    @property
    def plugin(self) -> Any:
        return proxy_for(self.supervisor.base, self.supervisor)

    async def do(self, what: str) -> str:
        return str((await self.plugin.scrape_content(ScrapingRequest(url=what))).content)

    async def until(self, *states: State) -> None:
        """Wait, in real time, for a state that a worker's start or end leads to."""
        async with asyncio.timeout(60):
            while self.supervisor.state not in states:  # noqa: ASYNC110 - what is waited for is the product's own time
                await asyncio.sleep(0.005)

    async def until_told(self, kind: EventKind, times: int = 1, *, looking: float = 0.0) -> None:
        """Wait, in real time, for an event; ``looking``: the worker is looked after again each so many seconds."""
        async with asyncio.timeout(60):
            while self.kinds.count(kind) < times:
                if looking:
                    await self.look(looking)
                await asyncio.sleep(0.005)

    async def look(self, seconds: float = 5.0) -> None:
        """Move on to the next look after the worker and wait, in real time, until it is over."""
        asleep = self.clock.sleeps
        await self.clock.advance(seconds)
        async with asyncio.timeout(60):
            while self.clock.sleeps == asleep and self.supervisor.state is State.READY:  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    def edition(self, version: str = "1.0.0", **limits: Any) -> Edition:
        package = self.home / f"plugin-{version}"
        package.mkdir(exist_ok=True)
        (package / "demo_plugin.py").write_text(PLUGIN.replace("VERSION", version))
        folders = {"data": self.home / "data", "cache": self.home / "cache", "tmp": self.home}
        for name in ("data", "cache"):
            folders[name].mkdir(exist_ok=True)
        from theodore_loader.permissions import Permission

        plan = Plan(
            manifest=Manifest(replace(INFO, version=version if version[0].isdigit() else "9.0.0"), "demo_plugin:Demo"),
            grants=(Permission.from_text("filesystem rw:{data}/**"),),
            limits=replace(INFO.resource_limits, **limits),
            roots=(package,),
            folders=folders,
            minimum_tier=OFFERED,
        )
        return Edition(plan, lambda: self.approve(), marks=("unsigned",), grounds=lambda: self.grounds)


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runtime_folder(tmp_path_factory.mktemp("home"))


@pytest.fixture
async def supervise(tmp_path: Path, runtime: Path) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that starts a supervised plugin whose workers come from one zygote."""
    running: list[Supervised] = []
    launcher = launcher_for(runtime, OFFERED)

    async def start(
        settings: Supervision | None = None, *, started: bool = True, clock: Clock | None = None, **limits: Any
    ) -> Supervised:
        one = Supervised.__new__(Supervised)
        one.home, one.clock, one.events = tmp_path, MovedClock(), []
        one.approve, one.grounds = lambda: None, None
        surroundings = Surroundings(tmp_path / "logs", runtime, {}, {}, lambda _: None, launcher)
        one.supervisor = Supervisor(
            one.edition(**limits),
            surroundings,
            temporary=TemporaryFolders(tmp_path),
            settings=settings,
            on_event=one.events.append,
            clock=clock or one.clock,
            jitter=lambda: 1.0,
        )
        running.append(one)
        if started:
            await one.supervisor.start()
        return one

    yield start
    for one in running:
        await one.supervisor.close()
    await launcher.close()
