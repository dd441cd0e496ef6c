"""Plugins written by a test, run in real workers."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from plugin_infos import plugin_info

from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise.launch import Launcher
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import LogRecord, Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_loader.supervise.zygote import Zygote
from theodore_sdk import PluginResourceLimits, ScrapingRequest

HEAD = """
from __future__ import annotations
import asyncio, os, sys, time
from theodore_sdk import (
    HealthStatus, RateLimit, ScraperPlugin, ScrapingRequest, ScrapingResult, ValidationResult,
    PluginPermissionError, ResourceLimitExceeded, PluginConfigurationError,
)

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
        return HealthStatus.healthy("fine", {"calls": 1})
    async def cleanup(self):
        pass
    async def scrape_content(self, request):
"""

INFO = plugin_info(resource_limits=PluginResourceLimits(max_execution_time_seconds=60.0))


OFFERED = available().tier
"""What this machine can do; tests that need no kernel layer run with whatever it is."""


@dataclass
class Running:
    """A worker and what it said."""

    worker: Worker
    logs: list[LogRecord] = field(default_factory=list)

    async def scrape(self, url: str = "", seconds: float | None = None) -> str:
        """Call the plugin; ``seconds`` is a deadline of this call alone, and not of the plugin's start."""
        method = self.worker.methods["scrape_content"]
        result = await self.worker.call(method, (ScrapingRequest(url=url),), {}, seconds=seconds)
        return str(result.content)


Start = Callable[..., Coroutine[Any, Any, Running]]


@pytest.fixture
def tier() -> Tier:
    """The tier this machine offers."""
    return OFFERED


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder all workers of this run import from."""
    return runtime_folder(tmp_path_factory.mktemp("home"))


async def make_worker(
    folder: Path,
    runtime: Path,
    body: str,
    *,
    grants: tuple[str, ...] = (),
    limits: Mapping[str, Any] | None = None,
    services: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    roots: tuple[Path, ...] = (),
    source: str | None = None,
    minimum_tier: int = OFFERED,
    config: Mapping[str, Any] | None = None,
    on_log: Callable[[LogRecord], None] = lambda _: None,
    workers_from: Launcher | None = None,
    around: Mapping[str, Any] | None = None,
) -> Worker:
    """Write a plugin into ``folder`` and start it; ``body`` is its ``scrape_content``, ``source`` a whole module."""
    package = folder / "plugin"
    package.mkdir(parents=True, exist_ok=True)
    text = source if source is not None else HEAD + textwrap.indent(textwrap.dedent(body), "        ")
    (package / "demo_plugin.py").write_text(text)
    folders = {name: folder / "state" / name for name in ("data", "cache", "tmp")}
    for own in folders.values():
        own.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        manifest=Manifest(INFO, "demo_plugin:Demo"),
        grants=tuple(Permission.from_text(grant) for grant in grants),
        limits=replace(INFO.resource_limits, **(limits or {})),
        roots=(package, *roots),
        folders=folders,
        minimum_tier=minimum_tier,  # type: ignore[arg-type]  # one test asks for a tier beyond all tiers
        config=config or {},
    )
    surroundings = Surroundings(
        folder / "logs", runtime, services or {}, environment or {}, on_log, workers_from=workers_from, **(around or {})
    )
    return await spawn_worker(plan, surroundings)


@pytest.fixture
async def zygote(runtime: Path) -> AsyncIterator[Zygote]:
    """A zygote; pass it as ``workers_from``."""
    launcher = Zygote(runtime)
    yield launcher
    await launcher.close()


@pytest.fixture
async def start(tmp_path: Path, runtime: Path) -> AsyncIterator[Start]:
    """Return a function that starts a worker in a folder of its own; see :func:`make_worker`."""
    running: list[Running] = []

    async def run(body: str, **options: Any) -> Running:
        logs: list[LogRecord] = []
        folder = tmp_path / f"worker{len(running)}" if running else tmp_path
        running.append(Running(await make_worker(folder, runtime, body, on_log=logs.append, **options), logs))
        return running[-1]

    yield run
    for one in running:
        await one.worker.kill()
