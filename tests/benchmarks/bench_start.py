"""Starting and ending workers: from the zygote and by spawn, with all layers and with none, beside a bare interpreter.

Interleaved in one run, so that a slow moment of the machine hits everything alike; ratios are what to compare.
``ready`` is from the launch until the host holds the worker's proof of every layer; nothing of the plugin is in it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from measured_plugin import plugin_info

from theodore_loader.manifest import Manifest
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise.launch import Launcher, Spawner
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_loader.supervise.zygote import Zygote
from theodore_sdk import PluginResourceLimits

PLUGIN = """
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Bench(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): ...
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request): ...
"""
INFO = plugin_info(resource_limits=PluginResourceLimits(max_cpu_percent=100))
# The same worker, told to take none of its layers: what it then says it reached is nothing.
UNLAYERED = """
import sys; r, c, b, p = sys.argv[1:]; del sys.argv[1:]; sys.path.append(r)
from theodore_loader.sandbox.audit_hook import Installed
from theodore_loader.sandbox.order import Achieved
from theodore_loader.sandbox.tier import Tier
from theodore_loader.worker import main
main._confine = lambda *_: Achieved(Tier.NONE, ())
main._police = lambda *_: Installed("python", "none", lambda: None)
main.main(int(c), int(b), int(p))
"""
STARTS, TOGETHER = int(os.environ.get("BENCH_STARTS", "25")), 50


@dataclass
class Way:
    """One way to start a worker, and how long it took each time (seconds)."""

    launcher: Launcher
    tier: Tier
    ready: list[float] = field(default_factory=list)
    initialised: list[float] = field(default_factory=list)
    kill: list[float] = field(default_factory=list)
    phases: list[Mapping[str, float]] = field(default_factory=list)


def bare() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return time.perf_counter() - started


def plan_in(folder: Path, tier: Tier) -> Plan:
    folders = {own: folder / own for own in ("data", "cache", "tmp")}
    for own in (*folders.values(), folder / "plugin"):
        own.mkdir(exist_ok=True, parents=True)
    (folder / "plugin" / "bench_plugin.py").write_text(PLUGIN)
    return Plan(
        manifest=Manifest(INFO, "bench_plugin:Bench"),
        grants=(),
        limits=INFO.resource_limits,
        roots=(folder / "plugin",),
        folders=folders,
        minimum_tier=tier,
    )


async def begin(folder: Path, way: Way) -> Worker:
    surroundings = Surroundings(
        folder / "logs", way.launcher.runtime, {}, {}, lambda _: None, workers_from=way.launcher
    )
    return await spawn_worker(plan_in(folder, way.tier), surroundings)


async def measure(folder: Path, way: Way) -> None:
    started = time.perf_counter()
    worker = await begin(folder, way)
    way.initialised.append(time.perf_counter() - started)
    assert worker.receipt is not None
    way.phases.append(worker.receipt.milliseconds)
    way.ready.append(worker.receipt.milliseconds["ready"] / 1000)
    started = time.perf_counter()
    await worker.kill()
    way.kill.append(time.perf_counter() - started)


def show(name: str, seconds: float, reference: float) -> None:
    print(f"{name:52} {seconds * 1000:9.2f} ms {seconds / reference:7.2f} x")


def report(name: str, way: Way, reference: float) -> None:
    show(f"{name}: ready", statistics.median(way.ready), reference)
    show(f"{name}: initialised", statistics.median(way.initialised), reference)
    for phase in way.phases[0]:
        if phase.startswith(("worker", "spawn", "import")):
            show(f"    {phase}", statistics.median(at[phase] for at in way.phases) / 1000, reference)


def private_mib(pid: int | None) -> float:
    """MiB that only this process has, or NaN where that cannot be seen (its memory is hidden from its own user)."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            values = dict(line.split(":", 1) for line in rollup if line.startswith("Private_"))
    except OSError:
        return float("nan")
    return sum(int(values[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) / 1024


async def together(folder: Path, way: Way) -> None:
    started = time.perf_counter()
    workers = await asyncio.gather(*(begin(folder / str(number), way) for number in range(TOGETHER)))
    seconds = time.perf_counter() - started
    await asyncio.sleep(0.5)
    private = [private_mib(worker.pid) for worker in workers]
    started = time.perf_counter()
    await asyncio.gather(*(worker.kill() for worker in workers))
    killed = time.perf_counter() - started
    print(f"\n{TOGETHER} workers together")
    print(f"initialised, all at once                             {seconds * 1000:9.0f} ms")
    print(
        f"private memory each: median, largest                 {statistics.median(private):9.2f} MiB {max(private):.2f}"
    )
    print(f"killed and observed, all at once                     {killed * 1000:9.2f} ms")


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runtime = runtime_folder(folder)
        tier = available().tier
        zygote = Zygote(runtime)
        ways = {
            "zygote, all layers": Way(zygote, tier),
            "spawn, all layers": Way(Spawner(runtime), tier),
            "spawn, no layer": Way(Spawner(runtime, boot=UNLAYERED), Tier.NONE),
        }
        started = time.perf_counter()
        await (await begin(folder, ways["zygote, all layers"])).kill()
        print(f"the first worker, and the zygote before it           {(time.perf_counter() - started) * 1000:9.2f} ms")
        reference = []
        for _ in range(STARTS):
            reference.append(bare())
            for way in ways.values():
                await measure(folder, way)
        bare_start = statistics.median(reference)
        print(f"tier {tier.name.lower()}; median of {STARTS} starts")
        show("python -I -S -c pass", bare_start, bare_start)
        for name, way in ways.items():
            report(name, way, bare_start)
        with_layers, without = (statistics.median(ways[f"spawn, {what}"].ready) for what in ("all layers", "no layer"))
        show("spawn: all layers over no layer", with_layers, without)
        kills = [seconds for way in ways.values() for seconds in way.kill]
        show("kill to observed exit", statistics.median(kills), bare_start)
        await together(folder, ways["zygote, all layers"])
        await zygote.close()


if __name__ == "__main__":
    asyncio.run(main())
