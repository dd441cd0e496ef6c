"""How much calls to a plugin suffer while another plugin of the same host misbehaves, one kind after the other.

In each of many short rounds calls are measured before, beside and after the hostile plugin, so that a machine that
grows slower hits both sides alike; what is shown is the median of the rounds' ratios, and the worst quarter of them.
*latency* is of a call's median, *at many* of the time for all. *processor* is what the host and the other plugin's
worker used for the same calls, less what the host spends on the hostile plugin anyway: it depends least on what else
the machine does. *host* is that part of one processor which the host's process spends on the hostile plugin while
nobody else calls anything. *loop* is how long the host's event loop was not served at worst in a round.

The hostile plugin uses its own worker's processor share besides, which is why a plugin that does nothing but compute
is the reference. On a machine that does other things, real-time priority keeps those out:
``chrt --rr 5 python tests/benchmarks/bench_hostile.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
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
ROUNDS, CALLS, MANY, IN_FLIGHT, SHARE_SECONDS = 9, 160, 640, 16, 0.25
SETTLE_SECONDS = 0.9
"""A worker may use half a second of a processor before its ``max_cpu_percent`` holds it back."""
Start = Callable[[str], Awaitable[Worker]]


class Counter:
    """A host service that does nothing."""

    async def count(self) -> int:
        """Answer."""
        return 1


async def scrape(worker: Worker, url: str) -> str:
    result = await worker.call(worker.methods["scrape_content"], (ScrapingRequest(url=url),), {})
    return str(result.content)


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls took: the median of one at a time, a call's share of many at once, and a call's processor time."""

    single: float
    many: float
    processor: float
    seconds: float


def processor_seconds(pid: int) -> float:
    """Return what a process has run so far, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def cost(worker: Worker) -> Cost:
    """Call the other plugin, one call at a time and many at once."""
    assert worker.pid is not None
    began, used = time.perf_counter(), time.process_time() + processor_seconds(worker.pid)
    singles = []
    for _ in range(CALLS):
        started = time.perf_counter()
        await scrape(worker, "x")
        singles.append(time.perf_counter() - started)

    async def caller() -> None:
        for _ in range(MANY // IN_FLIGHT):
            await scrape(worker, "x")

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    ended = time.perf_counter()
    processor = time.process_time() + processor_seconds(worker.pid) - used
    return Cost(statistics.median(singles), (ended - started) / MANY, processor, ended - began)


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
    await asyncio.sleep(SHARE_SECONDS)
    return (time.process_time() - used) / (time.perf_counter() - started)


async def round_beside(start: Start, victim: Worker, kind: str) -> tuple[float, ...]:
    """Return the ratios of latency, time at many calls and processor time, the host's share, the longest pause."""
    pauses = [0.0]
    before = await cost(victim)
    hostile = asyncio.create_task(misbehave(start, kind))
    await asyncio.sleep(SETTLE_SECONDS + random.uniform(0.0, 0.3))  # in no step with its restarts
    share = await host_share()
    watch = asyncio.create_task(longest_pause(pauses))
    beside = await cost(victim)
    for task in (watch, hostile):
        task.cancel()
    await asyncio.gather(watch, hostile, return_exceptions=True)
    after = await cost(victim)
    return (
        2 * beside.single / (before.single + after.single),
        2 * beside.many / (before.many + after.many),
        2 * (beside.processor - share * beside.seconds) / (before.processor + after.processor),
        share,
        max(pauses),
    )


async def measure(start: Start, victim: Worker, kind: str) -> str:
    """Return a line of the table."""
    rounds = [await round_beside(start, victim, kind) for _ in range(ROUNDS)]
    single, many, processor, share, pause = (sorted(column) for column in zip(*rounds, strict=True))
    ratios = "".join(
        f" {column[ROUNDS // 2]:7.2f} x {column[-ROUNDS // 4]:5.2f}" for column in (single, many, processor)
    )
    return f"{kind:20}{ratios} {share[ROUNDS // 2]:6.0%} {pause[ROUNDS // 2] * 1000:9.1f} ms"


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
        await cost(victim)
        print(
            f"{ROUNDS} rounds of {CALLS} calls one at a time, {MANY} with {IN_FLIGHT} in flight; median, worst quarter"
        )
        print(f"{'beside':20}{'latency':>16}{'at many':>16}{'processor':>16} {'host':>6} {'loop at worst':>12}")
        for kind in kinds:
            print(await measure(start, victim, kind), flush=True)
        await victim.kill()
        await launcher.close()


if __name__ == "__main__":
    asyncio.run(main())
