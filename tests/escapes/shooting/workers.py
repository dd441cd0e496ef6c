"""Attempts made by a plugin in a real worker, started as a host starts it: this is what users run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from shooting.evidence import Shot
from shooting.expected import BEYOND_THE_WORKER
from shooting.modes import WORKERS
from shooting.range import DISK_MIB, FILES, MEMORY_MIB, Range
from shooting.techniques import Technique
from theodore_loader.errors import CallTimeout, LimitExceeded, LoaderError, RemoteError, WorkerCrashed
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.profile import MIB
from theodore_loader.sandbox.tier import Tier
from theodore_loader.supervise import plan as plans
from theodore_loader.supervise.access_log import read as read_access_log
from theodore_loader.supervise.launch import Launcher
from theodore_loader.supervise.meter.usage import DiskLimit
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_loader.supervise.zygote import launcher_for
from theodore_sdk import PluginCategory, PluginInfo, PluginResourceLimits, ScrapingRequest, VersionRange
from theodore_sdk.errors import PluginPermissionError

PLUGIN = Path(__file__).with_name("plugin.py")
PATIENT_SECONDS = 60.0
"""For what is no attempt: starting the plugin and importing the case, on however busy a machine."""
DISK_SECONDS = 30
"""How long a full folder may go unnoticed; the host looks ten times a second, when it gets to it."""
MOST_TRIES = 5

INFO = PluginInfo(
    name="canary",
    version="1.0.0",
    description="tries to get out",
    author="A",
    email="a@example.com",
    homepage="https://example.com",
    license="MIT",
    category=PluginCategory.SCRAPER,
    interfaces=("ScraperPlugin",),
    dependencies=(),
    compatible_versions=VersionRange(">=2.0.0,<3.0.0"),
    min_python_version="3.11",
    max_python_version=None,
    required_packages=(),
    optional_packages=(),
    configuration_schema={},
    permissions=(),
    resource_limits=PluginResourceLimits(),
    tags=(),
)


class Workers:
    """Starts one worker an attempt, all of them from one launcher and one runtime folder."""

    def __init__(self, runtime: Path, launchers: Mapping[Tier, Launcher]) -> None:
        self.runtime = runtime
        self.launchers = launchers

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, home: Path) -> AsyncIterator[Workers]:
        """Start what starts workers, with the host's state below ``home``."""
        runtime = runtime_folder(home)
        launchers = {tier: launcher_for(runtime, tier) for tier in WORKERS.values()}
        try:
            yield cls(runtime, launchers)
        finally:
            for launcher in launchers.values():
                await launcher.close()

    async def shoot(
        self, at: Range, technique: Technique, tier: Tier, *, grants: tuple[str, ...] = (), function: str | None = None
    ) -> Shot:
        """Have a plugin make the attempt and return what came of it, and who refused.

        ``function`` is for a case whose very result, or whose payload, is the attack. What had not begun when its time
        was up is tried again: a busy machine has stopped it, and no sandbox.
        """
        if technique.module.parent != at.folder / "plugin":
            at.load(technique.module)
        for _ in range(MOST_TRIES):
            shot = await self._once(at, technique, tier, grants, {} if function is None else {"function": function})
            if shot.attempted or shot.refusal != "deadline":
                break
        return shot

    async def _once(
        self, at: Range, technique: Technique, tier: Tier, grants: tuple[str, ...], more: Mapping[str, str]
    ) -> Shot:
        may_succeed = technique.name in BEYOND_THE_WORKER["standard"]
        seconds = PATIENT_SECONDS if may_succeed else technique.seconds
        lines: list[str] = []
        order = json.dumps({"case": technique.case, "canary": {**at.canary, "disk_seconds": DISK_SECONDS}, **more})
        async with self.worker(at, tier, grants, lines) as worker:
            answer, refusal = await _attempt(worker, order, seconds)
            await asyncio.sleep(technique.wait)
        refusals = [*_recorded(worker), refusal] if refusal == "deadline" else [refusal, *_recorded(worker)]
        return Shot(at, technique.goal, "\n".join([*lines, answer]), next(filter(None, refusals), ""))

    @contextlib.asynccontextmanager
    async def worker(self, at: Range, tier: Tier, grants: tuple[str, ...], lines: list[str]) -> AsyncIterator[Worker]:
        """Start the plugin for one range, in a careless host: with secrets in its environment and files open."""
        (at.folder / "plugin" / "canary_plugin.py").write_text(PLUGIN.read_text())
        plan = self._plan(at, tier, grants)
        leaked = os.open(at.canary["secret_path"], os.O_RDONLY)
        os.set_inheritable(leaked, True)
        environment = {**os.environ, "THEODORE_SECRET": f"canary {at.token}"}
        surroundings = Surroundings(
            at.folder / "logs",
            self.runtime,
            {},
            environment,
            lambda said: lines.append(said.text),
            self.launchers[tier],
        )
        try:
            worker = await spawn_worker(plan, surroundings)
        finally:
            os.close(leaked)
        try:
            with at.visitor("listen"):
                yield worker
        finally:
            await worker.close()

    def _plan(self, at: Range, tier: Tier, grants: tuple[str, ...]) -> Plan:
        folders = {"data": at.folder / "work", "cache": at.folder / "cache", "tmp": at.folder / "tmp"}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        limits = PluginResourceLimits(
            max_memory_mb=MEMORY_MIB,
            max_execution_time_seconds=PATIENT_SECONDS,
            max_file_handles=FILES - plans.OWN_HANDLES,
            max_subprocess_count=0,
            max_cpu_percent=100,
        )
        return Plan(
            manifest=Manifest(INFO, "canary_plugin:Canary"),
            grants=tuple(Permission.from_text(grant) for grant in ("filesystem rw:{data}/**", *grants)),
            limits=limits,
            roots=(at.folder / "plugin",),
            folders=folders,
            disk=DiskLimit(bytes=DISK_MIB * MIB),
            minimum_tier=tier,
        )


async def _attempt(worker: Worker, order: str, seconds: float) -> tuple[str, str]:
    """Return what the plugin answered, and which layer its refusal names."""
    try:
        await scrape(worker, "import")
        return await scrape(worker, order, seconds), ""
    except PluginPermissionError as refusal:
        return str(refusal), refusal.enforced_by
    except CallTimeout as problem:
        return str(problem), "deadline"
    except LimitExceeded as problem:
        return str(problem), "host's meter"
    except WorkerCrashed as problem:
        return str(problem), "kernel"
    except RemoteError as problem:
        return str(problem), "resource limits" if problem.type_name in _OF_LIMITS else ""
    except LoaderError as problem:
        return str(problem), "host"


_OF_LIMITS = ("MemoryError", "ResourceLimitExceeded")


async def scrape(worker: Worker, what: str, seconds: float = PATIENT_SECONDS) -> str:
    """Call the plugin's one operation."""
    result = await worker.call(worker.methods["scrape_content"], (ScrapingRequest(url=what),), {}, seconds=seconds)
    return str(result.content)


def _recorded(worker: Worker) -> list[str]:
    """Return who refused according to the access log, for attempts that forgive what they are refused."""
    denials = [entry for entry in read_access_log(worker.access_log.path) if entry["decision"] == "deny"]
    return [{"hook": "audit hook"}.get(entry["source"], entry["source"]) for entry in denials]
