"""How much calls to a plugin suffer while another plugin of the same host misbehaves, one kind after the other.

Quiet and beside the hostile plugin are measured alternately in one run, so that a slow moment hits both; what is shown
is the median of the ratios. *host* is the part of one processor that the host's own process spends on the hostile
plugin while nobody else calls anything: it does not depend on what else the machine does. *loop* is how long the
host's event loop was not served at worst. The hostile plugin uses its own worker's processor share besides, which is
why a plugin that does nothing but compute is the reference.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from measured_plugin import plugin_info

from theodore_loader.errors import LoaderError
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.tier import available
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_loader.supervise.zygote import launcher_for
from theodore_sdk import PluginResourceLimits, ScrapingRequest
from theodore_sdk.errors import PluginError

PLUGIN = """
import asyncio, logging, os, signal, socket, sys, threading, time
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult
from theodore_loader.channel.frames import frame

class Bench(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): self.container = container
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request):
        act = getattr(self, request.url, None)
        if act is None:
            return ScrapingResult("", request.url, 200, True)
        result = act()
        if result is not None:
            result = await result
        return ScrapingResult("", "", 200, True, metadata={"value": result})

    def channel(self):
        for fd in range(3, 40):
            try:
                end = socket.socket(fileno=os.dup(fd))
            except OSError:
                continue
            with end:
                if end.type == socket.SOCK_STREAM and end.getpeername() == "":
                    peer = end.getsockopt(socket.SOL_SOCKET, 17, 12)
                    if int.from_bytes(peer[:4], "little") != os.getpid():
                        return fd

    def attack(self, data):
        fd = self.channel()
        os.set_blocking(fd, True)
        os.write(fd, data)

    def compute(self):
        while True: pass
    def garbage(self): self.attack(frame(b"garbage"))
    def huge_frame(self): self.attack(b"\\xff\\xff\\xff\\xff" + bytes(1000))
    def deep_nesting(self): self.attack(frame(b"\\x93\\xa6result\\x03" + b"\\x91" * 900_000 + b"\\xc0"))
    async def deep_result(self):
        value = []
        for _ in range(30_000):
            value = [value]
        return value
    async def huge_integer(self): return 1 << 3_400_000
    async def big_results(self): return "x" * 900_000
    async def never_answers(self): await asyncio.sleep(3600)
    async def closes_the_channel(self): os.closerange(3, 40); await asyncio.sleep(3600)
    async def stops_itself(self): os.kill(os.getpid(), signal.SIGSTOP); await asyncio.sleep(1)
    def forks(self):
        for _ in range(10_000):
            try: os.fork()
            except Exception: pass
    def threads(self):
        def spin():
            while True: pass
        try:
            for _ in range(64): threading.Thread(target=spin, daemon=True).start()
        except RuntimeError: pass
        time.sleep(3600)
    def memory(self):
        held = []
        while True: held.append(bytearray(1 << 20))
    def descriptors(self):
        held = []
        while True:
            try: held.append(os.dup(1))
            except OSError: time.sleep(0.001)
    def disk(self):
        number = 0
        while True:
            number += 1
            with open(self.container.tmp_dir / f"f{number}", "wb") as file: file.write(bytes(1 << 20))
    def logs(self):
        while True: logging.getLogger("spam").warning("spam")
    def output(self):
        data = b"spam\\n" * 1000
        while True: os.write(1, data)
    def endless_line(self):
        data = b"s" * 65536
        while True: os.write(1, data)
    def accesses(self):
        number = 0
        while True:
            number += 1
            try: open(f"/none/{number}")
            except Exception: pass
    def dials(self):
        while True:
            try: socket.create_connection(("203.0.113.1", 9), 1)
            except Exception: pass
    async def host_calls(self):
        service = await self.container.resolve("counter")
        async def forever():
            while True:
                try: await service.count()
                except Exception: await asyncio.sleep(0)
        await asyncio.gather(*(forever() for _ in range(100)))
    def from_a_thread(self):
        fd, data = self.channel(), frame(b"\\x94\\xa3log\\x14\\xa1x\\xa4text") * 500
        os.set_blocking(fd, True)
        threading.Thread(target=lambda: [os.write(fd, data) for _ in iter(int, 1)], daemon=True).start()
        time.sleep(3600)
"""
KINDS = (
    *("compute", "garbage", "huge_frame", "deep_nesting", "deep_result", "huge_integer", "big_results"),
    *("never_answers", "closes_the_channel", "stops_itself", "forks", "threads", "memory", "descriptors", "disk"),
    *("logs", "output", "endless_line", "accesses", "dials", "host_calls", "from_a_thread"),
)
INFO = plugin_info(
    resource_limits=PluginResourceLimits(max_execution_time_seconds=2.0, max_memory_mb=128, max_cpu_percent=25)
)
ROUNDS, CALLS, IN_FLIGHT = 5, 300, 16
Start = Callable[[str], Awaitable[Worker]]


class Counter:
    """A host service that does nothing."""

    async def count(self) -> int:
        """Answer."""
        return 1


async def scrape(worker: Worker, url: str) -> str:
    result = await worker.call(worker.methods["scrape_content"], (ScrapingRequest(url=url),), {})
    return str(result.content)


async def victim_seconds(worker: Worker) -> tuple[float, float]:
    """Return seconds a call, one at a time and many at once."""
    started = time.perf_counter()
    for _ in range(CALLS):
        await scrape(worker, "x")
    single = (time.perf_counter() - started) / CALLS

    async def caller() -> None:
        for _ in range(CALLS // IN_FLIGHT):
            await scrape(worker, "x")

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return single, (time.perf_counter() - started) / CALLS


async def misbehave(start: Start, kind: str) -> None:
    """Keep a worker misbehaving, and replace it when that has ended it, as a supervisor does."""
    worker: Worker | None = None
    try:
        while True:
            if worker is None or worker.ended is not None:
                if worker is not None:
                    await worker.kill()
                    await asyncio.sleep(0.2)
                worker = await start("hostile")
            with contextlib.suppress(LoaderError, PluginError):
                await scrape(worker, kind)
            await asyncio.sleep(0.01)
    finally:
        if worker is not None:
            await worker.kill()


async def longest_pause(pauses: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        pauses.append(time.perf_counter() - before - 0.005)


async def host_share() -> float:
    """Return the part of a processor this process uses while only the hostile plugin is there."""
    used, started = time.process_time(), time.perf_counter()
    await asyncio.sleep(1.0)
    return (time.process_time() - used) / (time.perf_counter() - started)


async def measure(start: Start, victim: Worker, kind: str) -> tuple[float, float, float, float]:
    """Return the ratios of latency and of time at many calls, the host's share, and the loop's worst pause."""
    singles, manys, shares, pauses = [], [], [], [0.0]
    for _ in range(ROUNDS):
        quiet = await victim_seconds(victim)
        hostile = asyncio.create_task(misbehave(start, kind))
        await asyncio.sleep(0.3)
        shares.append(await host_share())
        watch = asyncio.create_task(longest_pause(pauses))
        beside = await victim_seconds(victim)
        for task in (watch, hostile):
            task.cancel()
        await asyncio.gather(watch, hostile, return_exceptions=True)
        singles.append(beside[0] / quiet[0])
        manys.append(beside[1] / quiet[1])
    return statistics.median(singles), statistics.median(manys), statistics.median(shares), max(pauses)


async def main() -> None:
    kinds = [kind for kind in KINDS if kind in sys.argv[1:]] or KINDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plugin").mkdir()
        (folder / "plugin" / "bench_plugin.py").write_text(PLUGIN)
        runtime = runtime_folder(folder)
        launcher = launcher_for(runtime, available().tier)
        surroundings = Surroundings(folder / "logs", runtime, {"counter": Counter()}, {}, lambda _: None, launcher)
        grants = ("filesystem rw:{data}/**", "registry counter")

        async def start(role: str) -> Worker:
            folders = {own: folder / role / own for own in ("data", "cache", "tmp")}
            for own in folders.values():
                own.mkdir(parents=True, exist_ok=True)
            limits = INFO.resource_limits if role == "hostile" else replace(INFO.resource_limits, max_cpu_percent=100)
            plan = Plan(
                manifest=Manifest(replace(INFO, name=role), "bench_plugin:Bench"),
                grants=tuple(Permission.from_text(grant) for grant in grants),
                limits=limits,
                roots=(folder / "plugin",),
                folders=folders,
                minimum_tier=available().tier,
            )
            return await spawn_worker(plan, surroundings)

        victim = await start("victim")
        await victim_seconds(victim)
        print(f"median of {ROUNDS} rounds; {CALLS} calls one at a time, {CALLS} with {IN_FLIGHT} in flight")
        print(f"{'beside':20} {'latency':>9} {'at many':>9} {'host':>7} {'loop at worst':>15}")
        for kind in kinds:
            single, many, share, pause = await measure(start, victim, kind)
            print(f"{kind:20} {single:7.2f} x {many:7.2f} x {share:6.0%} {pause * 1000:12.1f} ms", flush=True)
        await victim.kill()
        await launcher.close()


if __name__ == "__main__":
    asyncio.run(main())
