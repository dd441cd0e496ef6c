"""Plugins that use too much, in real workers; and processes of a test's own, measured without one."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from plugin_infos import plugin_info

from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise.meter import DiskLimit
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import LogRecord, Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_loader.supervise.zygote import Zygote
from theodore_sdk import PluginResourceLimits, ScrapingRequest

HEAD = """
from __future__ import annotations
import asyncio, logging, os, sys, threading, time
from theodore_sdk import HealthStatus, RateLimit, ScraperPlugin, ScrapingRequest, ScrapingResult, ValidationResult

def say(text):
    return ScrapingResult(url="", content=str(text), status_code=200, success=True)

class Demo(ScraperPlugin):
    def get_plugin_info(self):
        raise NotImplementedError("the manifest answers this")
    async def initialize(self, container, config):
        self.container, self.config = container, config
    async def validate_configuration(self, config):
        return ValidationResult.success()
    async def health_check(self):
        return HealthStatus.healthy("fine", {})
    async def cleanup(self):
        pass
    async def scrape_content(self, request):
"""

INFO = plugin_info(resource_limits=PluginResourceLimits(max_execution_time_seconds=30.0, max_cpu_percent=400.0))


def pytest_runtest_setup(item: pytest.Item) -> None:
    offer = available()
    if item.get_closest_marker("kernel") and offer.tier < Tier.STANDARD:
        pytest.skip("; ".join(offer.reasons))


@dataclass
class Running:
    """A worker and what it said."""

    worker: Worker
    logs: list[LogRecord] = field(default_factory=list)

    async def scrape(self, url: str = "") -> str:
        result = await self.worker.call(self.worker.methods["scrape_content"], (ScrapingRequest(url=url),), {})
        return str(result.content)


Start = Callable[..., Coroutine[Any, Any, Running]]


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder all workers of this run import from."""
    return runtime_folder(tmp_path_factory.mktemp("home"))


def plan_in(
    folder: Path,
    body: str,
    *,
    grants: tuple[str, ...] = ("filesystem rw:{data}/**",),
    disk: DiskLimit | None = None,
    **limits: Any,
) -> Plan:
    """Write a plugin whose ``scrape_content`` is ``body`` into ``folder``."""
    package = folder / "plugin"
    package.mkdir(parents=True, exist_ok=True)
    (package / "demo_plugin.py").write_text(HEAD + textwrap.indent(textwrap.dedent(body), "        "))
    folders: Mapping[str, Path] = {name: folder / "state" / name for name in ("data", "cache", "tmp")}
    for own in folders.values():
        own.mkdir(parents=True, exist_ok=True)
    return Plan(
        manifest=Manifest(INFO, "demo_plugin:Demo"),
        grants=tuple(Permission.from_text(grant) for grant in grants),
        limits=replace(INFO.resource_limits, **limits),
        roots=(package,),
        folders=folders,
        minimum_tier=available().tier,
        disk=disk or DiskLimit(),
    )


@pytest.fixture
async def start(tmp_path: Path, runtime: Path) -> AsyncIterator[Start]:
    """Return a function that starts a worker in a folder of its own; see :func:`plan_in`."""
    running: list[Running] = []
    zygotes: list[Zygote] = []

    async def run(body: str, *, folder: Path | None = None, forked: bool = False, **options: Any) -> Running:
        logs: list[LogRecord] = []
        own = folder or tmp_path / f"worker{len(running)}"
        if forked and not zygotes:
            zygotes.append(Zygote(runtime))
        surroundings = Surroundings(own / "logs", runtime, {}, {}, logs.append, zygotes[0] if forked else None)
        running.append(Running(await spawn_worker(plan_in(own, body, **options), surroundings), logs))
        return running[-1]

    yield run
    for one in running:
        await one.worker.kill()
    for zygote in zygotes:
        await zygote.close()


@dataclass
class Group:
    """A process of the test's own that leads a group, signalled as a worker is."""

    pid: int
    signals: list[int] = field(default_factory=list)

    def signal(self, number: int) -> None:
        self.signals.append(number)
        os.killpg(self.pid, number)

    def state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def group() -> Iterator[Callable[[str], Group]]:
    """Return a function that runs a shell script as the leader of a group, which is killed afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(script: str) -> Group:
        bounded = f"ulimit -t 60; {script}"  # ends by itself, should nobody be left to end it
        started.append(subprocess.Popen(["sh", "-c", bounded], start_new_session=True, stdout=subprocess.DEVNULL))
        return Group(started[-1].pid)

    yield run
    for one in started:
        os.killpg(one.pid, signal.SIGKILL)
        one.wait()
