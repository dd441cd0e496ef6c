"""Starting a worker, ending it, dialling through the broker: each against what has less to do.

Interleaved in one run, so that a slow moment of the machine hits everything alike; ratios are what to compare.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measured_plugin import plan_in, plugin_info

from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_sdk import PluginResourceLimits, ScrapingRequest

PLUGIN = """
import socket, time
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Bench(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): ...
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request):
        if not request.url.isdigit():
            return ScrapingResult("", request.url, 200, True)
        started = time.perf_counter()
        for _ in range(50):
            socket.create_connection(("127.0.0.1", int(request.url))).close()
        return ScrapingResult("", str((time.perf_counter() - started) / 50), 200, True)
"""
INFO = plugin_info(resource_limits=PluginResourceLimits(max_network_requests_per_minute=100_000, max_cpu_percent=400.0))
STARTS, DIALS = 15, 5


def bare_start() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return time.perf_counter() - started


async def scrape(worker: Worker, url: str) -> str:
    result = await worker.call(worker.methods["scrape_content"], (ScrapingRequest(url=url),), {})
    return str(result.content)


async def direct_dials(port: int) -> float:
    started = time.perf_counter()
    for _ in range(50):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
    return (time.perf_counter() - started) / 50


def show(name: str, seconds: float, reference: float, unit: str = "ms") -> None:
    scale = 1000 if unit == "ms" else 1_000_000
    print(f"{name:44} {seconds * scale:10.2f} {unit} {seconds / reference:8.2f} x")


async def measure(start: Callable[[], object], kill: list[float], worker_starts: list[Worker]) -> float:
    started = time.perf_counter()
    worker = await start()  # type: ignore[misc]
    seconds = time.perf_counter() - started
    worker_starts.append(worker)
    started = time.perf_counter()
    await worker.kill()
    kill.append(time.perf_counter() - started)
    return seconds


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        plan = plan_in(folder, PLUGIN, INFO, f"network 127.0.0.1:{port}")
        surroundings = Surroundings(folder / "logs", runtime_folder(folder), {}, {}, lambda _: None)
        bare, ready, kills, workers = [], [], [], []
        for _ in range(STARTS):
            bare.append(bare_start())
            ready.append(await measure(lambda: spawn_worker(plan, surroundings), kills, workers))
        receipt = workers[-1].receipt
        assert receipt is not None
        reference = statistics.median(bare)
        print(f"tier {receipt.tier.name.lower()}; median of {STARTS} starts")
        show("python -I -S -c pass", reference, reference)
        show("spawn to initialised", statistics.median(ready), reference)
        for phase in ("worker preload", "worker confine", "worker police", "import"):
            taken = statistics.median(w.receipt.milliseconds[phase] for w in workers if w.receipt) / 1000
            show(f"  of which {phase}", taken, reference)
        show("kill to observed exit", statistics.median(kills), reference)

        worker = await spawn_worker(plan, surroundings)
        await scrape(worker, "x")
        direct = statistics.median([await direct_dials(port) for _ in range(DIALS)])
        dialled = statistics.median([float(await scrape(worker, str(port))) for _ in range(DIALS)])
        print(f"\nconnections to a server on loopback, median of {DIALS} x 50")
        show("asyncio.open_connection, direct", direct, direct, "us")
        show("through the broker", dialled, direct, "us")
        await worker.close()
        server.close()


if __name__ == "__main__":
    asyncio.run(main())
