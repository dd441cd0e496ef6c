"""Many calls over many plugins in one host while their workers are killed, and a count of what is left over.

::

    python tests/soak/soaking.py --calls 100000 --plugins 20

Every call carries a number of its own and must end with the answer to that number or with an exception. Workers are
ended from outside and by their own hand, by signals of every kind; the supervisor replaces them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(1, str(Path(__file__).parents[2] / "loader"))

from theodore_loader.errors import LoaderError
from theodore_loader.manifest import Manifest
from theodore_loader.permissions import Permission
from theodore_loader.sandbox.tier import available
from theodore_loader.supervise.edition import Edition
from theodore_loader.supervise.launch import Spawner
from theodore_loader.supervise.plan import Plan
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.settings import Restarts, Supervision
from theodore_loader.supervise.supervisor import Supervisor
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.temporary import TemporaryFolders
from theodore_loader.supervise.zygote import launcher_for
from theodore_sdk import PluginCategory, PluginInfo, PluginResourceLimits, ScrapingRequest, VersionRange
from theodore_sdk.errors import PluginError

PLUGIN = """
import asyncio, os
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Soaked(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): self.tmp = container.tmp_dir
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request):
        number = int(request.url)
        if request.headers:
            os.kill(os.getpid(), int(request.headers["end"]))
        if number % 50 == 0:
            (self.tmp / f"left-{number}").write_text("x")
            await asyncio.sleep(0.01)
        return ScrapingResult("", str(number), 200, True)
"""
DEADLINE_SECONDS = 2.0
LOST_SECONDS = 30.0
"""A call that has not ended by then, far beyond its deadline, is lost."""
STREAM_EVERY, ITEMS = 20, 5
"""Every so many calls are a stream of so many answers."""
ENDS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP, signal.SIGTERM, signal.SIGABRT)
SETTINGS = Supervision(restarts=Restarts(first_seconds=0.05, longest_seconds=0.5, most_failures=1_000_000))


@dataclass
class Tally:
    """What became of the calls."""

    answered: int = 0
    wrong: int = 0
    lost: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    kills: int = 0

    @property
    def ended(self) -> int:
        """Calls that ended one way or the other."""
        return self.answered + sum(self.failed.values())


@dataclass(frozen=True)
class Footprint:
    """What a host holds; ``temporary`` are the folders of its workers."""

    descriptors: int
    tasks: int
    processes: int
    resident_mib: float
    temporary: int


def info(name: str) -> PluginInfo:
    return PluginInfo(
        name=name,
        version="1.0.0",
        description="is called very often",
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
        resource_limits=PluginResourceLimits(max_execution_time_seconds=DEADLINE_SECONDS, max_cpu_percent=100),
        tags=(),
    )


class Soak:
    """One host's plugins, and what is done to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.tally = Tally()
        self.supervisors: list[Supervisor] = []
        self._next = 0

    @contextlib.asynccontextmanager
    async def plugins(self, count: int, *, spawned: bool) -> AsyncIterator[None]:
        """Start so many plugins, forked from one zygote or each an interpreter of its own; end them all."""
        runtime = runtime_folder(self.folder / "home")
        launcher = Spawner(runtime) if spawned else launcher_for(runtime, available().tier)
        temporary = TemporaryFolders(self.folder / "home")
        root = self.folder / "plugin"
        root.mkdir()
        (root / "soaked_plugin.py").write_text(PLUGIN)
        surroundings = Surroundings(self.folder / "logs", runtime, {}, {}, lambda _: None, launcher)
        try:
            for number in range(count):
                edition = Edition(self._plan(f"soaked-{number}", root), recheck=lambda: None)
                supervisor = Supervisor(edition, surroundings, temporary=temporary, settings=SETTINGS)
                self.supervisors.append(supervisor)
                await supervisor.start()
            yield
        finally:
            await asyncio.gather(*(supervisor.close() for supervisor in self.supervisors))
            await launcher.close()
            temporary.close()

    def _plan(self, name: str, root: Path) -> Plan:
        folders = {kind: self.folder / "state" / name / kind for kind in ("data", "cache", "tmp")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        about = info(name)
        grants = (Permission.from_text("filesystem rw:{data}/**"),)
        return Plan(Manifest(about, "soaked_plugin:Soaked"), grants, about.resource_limits, (root,), folders)

    async def run(self, calls: int, *, callers: int, every_seconds: float) -> None:
        """Make so many calls, while something ends a worker every so often."""
        until = self._next + calls
        killer = asyncio.create_task(self._kill(every_seconds)) if every_seconds else None
        await asyncio.gather(
            *(self._caller(self.supervisors[at % len(self.supervisors)], until) for at in range(callers))
        )
        if killer is not None:
            killer.cancel()

    async def _caller(self, supervisor: Supervisor, until: int) -> None:
        while self._next < until:
            self._next += 1
            await self._call(supervisor, self._next)

    async def _call(self, supervisor: Supervisor, number: int) -> None:
        by_own_hand = self.random.random() < 0.0005
        headers = {"end": str(int(self.random.choice(ENDS)))} if by_own_hand else {}
        request = ScrapingRequest(url=str(number), headers=headers)
        ask = self._stream if number % STREAM_EVERY == 0 else self._single
        try:
            async with asyncio.timeout(LOST_SECONDS):
                contents = await ask(supervisor, request)
        except (LoaderError, PluginError) as problem:
            self.tally.failed[type(problem).__name__] += 1
        except TimeoutError:
            self.tally.lost += 1
        else:
            self.tally.answered += 1
            self.tally.wrong += set(contents) != {str(number)}

    async def _single(self, supervisor: Supervisor, request: ScrapingRequest) -> list[str]:
        result = await supervisor.call(_methods(supervisor)["scrape_content"], (request,), {})
        return [result.content]

    async def _stream(self, supervisor: Supervisor, request: ScrapingRequest) -> list[str]:
        """Ask for several at once; the answer to each must come, or an exception."""
        items = supervisor.stream(_methods(supervisor)["stream_contents"], ([request] * ITEMS,), {})
        async with contextlib.aclosing(items):
            contents = [item.content async for item in items]
        return contents if len(contents) == ITEMS else [*contents, "and some are missing"]

    async def _kill(self, every_seconds: float) -> None:
        while True:
            await asyncio.sleep(self.random.expovariate(1 / every_seconds))
            worker = self.random.choice(self.supervisors).worker
            if worker is not None and worker.ended is None and worker.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, self.random.choice(ENDS))
                self.tally.kills += 1

    async def settle(self) -> None:
        """Wait until every plugin has a worker again and nothing is under way."""
        for supervisor in self.supervisors:
            for _ in range(600):
                with contextlib.suppress(LoaderError, PluginError):
                    await supervisor.call(_methods(supervisor)["health_check"], (), {})
                    break
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.7)  # what was cancelled has its grace time behind it

    def footprint(self) -> Footprint:
        """Return what this host holds now."""
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
        temporary = len(list((self.folder / "home" / "tmp").glob("host-*/*")))
        return Footprint(
            len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), len(descendants()), resident, temporary
        )


def _methods(supervisor: Supervisor) -> dict:
    from theodore_loader.channel.methods import methods_of

    return _METHODS.setdefault(supervisor.base, methods_of(supervisor.base))


_METHODS: dict = {}


def descendants() -> list[int]:
    """Return every process below this one, zombies included."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
    found, added = {os.getpid()}, True
    while added:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        added = bool(more)
        found |= more
    return sorted(found - {os.getpid()})


@dataclass(frozen=True)
class Outcome:
    """What a soak showed."""

    tally: Tally
    first: Footprint
    last: Footprint
    left_processes: int
    left_descriptors: int
    restarts: int
    seconds: float


async def soak(
    folder: Path, *, calls: int, plugins: int, every_seconds: float, seed: int, spawned: bool = False
) -> Outcome:
    """Warm up, remember what is held, make the calls, compare."""
    before = len(os.listdir("/proc/self/fd"))
    started = time.perf_counter()
    soaked = Soak(folder, seed)
    async with soaked.plugins(plugins, spawned=spawned):
        await soaked.run(max(calls // 10, plugins * 5), callers=plugins * 2, every_seconds=every_seconds)
        await soaked.settle()
        soaked.tally = Tally()
        first = soaked.footprint()
        await soaked.run(calls, callers=plugins * 2, every_seconds=every_seconds)
        await soaked.settle()
        last = soaked.footprint()
        restarts = sum(supervisor.restarts for supervisor in soaked.supervisors)
    left = len(descendants())
    return Outcome(
        soaked.tally,
        first,
        last,
        left,
        len(os.listdir("/proc/self/fd")) - before,
        restarts,
        time.perf_counter() - started,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--plugins", type=int, default=20)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two kills, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spawn", action="store_true", help="no zygote: an interpreter for each worker")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        outcome = asyncio.run(
            soak(
                Path(name),
                calls=options.calls,
                plugins=options.plugins,
                every_seconds=options.every,
                seed=options.seed,
                spawned=options.spawn,
            )
        )
    tally = outcome.tally
    print(f"calls ended {tally.ended}: answered {tally.answered}, failed {dict(tally.failed)}")
    print(
        f"wrong answers {tally.wrong}, lost {tally.lost}; kills from outside {tally.kills}, restarts {outcome.restarts}"
    )
    print(f"at first {outcome.first}\nat last  {outcome.last}")
    print(f"left after the end: {outcome.left_processes} processes, {outcome.left_descriptors} descriptors")
    print(f"{outcome.seconds:.0f} s")


if __name__ == "__main__":
    main()
