"""Plugins that use up whatever they can, all at once in one host, beside one that only wants to work."""

from __future__ import annotations

import asyncio
import os

import pytest

from theodore_loader.errors import (
    CallTimeout,
    LimitExceeded,
    LoaderError,
    ProtocolViolation,
    RemoteError,
    WorkerCrashed,
)
from theodore_loader.sandbox.tier import Tier, available

FIND_THE_CHANNEL = """
import logging, signal, socket, threading
from theodore_loader.channel.frames import frame
def channel():
    for fd in range(3, 40):
        try:
            end = socket.socket(fileno=os.dup(fd))
        except OSError:
            continue
        with end:
            if end.type == socket.SOCK_STREAM and end.getpeername() == "":
                if int.from_bytes(end.getsockopt(socket.SOL_SOCKET, 17, 12)[:4], "little") != os.getpid():
                    os.set_blocking(fd, True)
                    return fd
"""
ENDED = (CallTimeout, WorkerCrashed, LimitExceeded)
FORGIVEN = (RemoteError, str, CallTimeout)
KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "computes without end": ("while True: pass", ENDED),
    "never answers": ("await asyncio.sleep(3600)", ENDED),
    "stops itself": ("os.kill(os.getpid(), signal.SIGSTOP)\nawait asyncio.sleep(3600)", ENDED),
    "deep result": (
        "value = []\nfor _ in range(30_000): value = [value]\n"
        "return ScrapingResult('', '', 200, True, metadata={'value': value})",
        (*FORGIVEN, ProtocolViolation),
    ),
    "deep frame": (
        "os.write(channel(), frame(b'\\x93\\xa6result\\x03' + b'\\x91' * 900_000 + b'\\xc0'))\nawait asyncio.sleep(60)",
        (ProtocolViolation, CallTimeout),
    ),
    "an integer of a million digits": (
        "return ScrapingResult('', '', 200, True, metadata={'value': 1 << 3_400_000})",
        FORGIVEN,
    ),
    "forks": (
        "for _ in range(10_000):\n    try: os.fork()\n    except Exception: pass\nreturn say('done')",
        (str, *ENDED),
    ),
    "threads": (
        "def spin():\n    while True: pass\n"
        "try:\n    for _ in range(400): threading.Thread(target=spin, daemon=True).start()\n"
        "except RuntimeError: pass\nawait asyncio.sleep(3600)",
        ENDED,
    ),
    "memory": ("held = []\nwhile True: held.append(bytearray(1 << 20))", (*FORGIVEN, *ENDED)),
    "descriptors": ("held = []\nwhile True: held.append(os.dup(1))", (*FORGIVEN, *ENDED)),
    "disk": (
        "number = 0\nwhile number < 400:\n    number += 1\n"
        "    with open(self.container.tmp_dir / f'f{number}', 'wb') as file: file.write(bytes(1 << 20))\n"
        "await asyncio.sleep(3600)",
        ENDED,
    ),
    "log records": ("while True: logging.getLogger('spam').warning('spam')", ENDED),
    "output": ("while True: os.write(1, b'spam\\n' * 1000)", ENDED),
    "accesses": (
        "number = 0\nwhile True:\n    number += 1\n    try: open(f'/none/{number}')\n    except Exception: pass",
        ENDED,
    ),
    "dials": (
        "while True:\n    try: socket.create_connection(('203.0.113.1', 9), 1)\n    except Exception: pass",
        (*ENDED, ProtocolViolation),
    ),
    "host calls": (
        "service = self.container.resolve('counter')\n"
        "async def forever():\n"
        "    while True:\n"
        "        try: await service.count()\n"
        "        except Exception: await asyncio.sleep(0)\n"
        "await asyncio.gather(*(forever() for _ in range(50)))",
        ENDED,
    ),
    "a thread writes to the channel": (
        "data, fd = frame(b'\\x94\\xa3log\\x14\\xa1x\\xa4text') * 500, channel()\n"
        "threading.Thread(target=lambda: [os.write(fd, data) for _ in iter(int, 1)], daemon=True).start()\n"
        "await asyncio.sleep(3600)",
        (*ENDED, ProtocolViolation),
    ),
}

pytestmark = pytest.mark.skipif(available().tier < Tier.STANDARD, reason="; ".join(available().reasons))


class Counter:
    async def count(self) -> int:
        return 1


async def attempt(start, body, zygote):
    """Return what one plugin's call came to."""
    hostile = await start(
        FIND_THE_CHANNEL + body,
        workers_from=zygote,
        services={"counter": Counter()},
        grants=("registry counter",),
        limits={"max_memory_mb": 96, "max_cpu_percent": 10},
    )
    try:
        return await hostile.scrape(seconds=1.5)
    except LoaderError as problem:
        return problem
    finally:
        await hostile.worker.kill()


STREAMING = """
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Demo(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): ...
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request): ...
    async def stream_contents(self, requests):
        while True:
            yield ScrapingResult("", "x" * 100_000, 200, True)
"""


async def test_an_endless_stream_is_read_as_fast_as_somebody_wants_it_and_no_longer(start, zygote):
    running = await start("", source=STREAMING, workers_from=zygote, limits={"max_execution_time_seconds": 20.0})
    stream = running.worker.stream(running.worker.methods["stream_contents"], ([],), {})
    before = resident_mib()
    for _ in range(3):
        assert len((await anext(stream)).content) == 100_000
    await asyncio.sleep(1.0)
    assert resident_mib() - before < 32
    await stream.aclose()
    assert await running.worker.call(running.worker.methods["health_check"], (), {})


async def test_an_endless_stream_ends_with_its_deadline(start, zygote):
    running = await start("", source=STREAMING, workers_from=zygote, limits={"max_execution_time_seconds": 1.0})
    with pytest.raises(CallTimeout):
        async for _ in running.worker.stream(running.worker.methods["stream_contents"], ([],), {}):
            pass


def resident_mib() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


async def test_one_host_bears_every_kind_of_misbehaviour_at_once(start, zygote):
    honest = await start("await asyncio.sleep(0)\nreturn say(request.url)", workers_from=zygote)
    over = asyncio.Event()
    descriptors = len(os.listdir("/proc/self/fd"))

    async def work() -> int:
        done = 0
        while not over.is_set():
            assert await honest.scrape(str(done)) == str(done)
            done += 1
        return done

    working = asyncio.create_task(work())
    outcomes = await asyncio.gather(*(attempt(start, body, zygote) for body, _ in KINDS.values()))
    over.set()
    assert await working > 0
    wrong = {
        kind: outcome
        for (kind, (_, wanted)), outcome in zip(KINDS.items(), outcomes, strict=True)
        if not isinstance(outcome, wanted)
    }
    assert wrong == {}
    for _ in range(100):
        if len(os.listdir("/proc/self/fd")) <= descriptors:
            break
        await asyncio.sleep(0.05)
    assert (
        len(os.listdir("/proc/self/fd")) <= descriptors + 4
    )  # a second zygote, where a worker ended as memory errors do
