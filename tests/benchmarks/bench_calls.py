"""Calls to a worker beside a blocking ``multiprocessing.Pipe``, and beside the floor: the least asyncio can do here.

Everything is measured in turn in each of many short rounds, so that a slow moment of the machine hits all alike; what
is shown is the minimum, the median, and the ratio to the Pipe's echo of the same size, of the minima and the median of
the rounds' ratios. In the floors a task awaits each answer, and there is nothing of what a host needs beyond that.
*bytes* sends some and reads them back. *frames* encodes a call; a peer that is no event loop decodes it, runs the
coroutine and answers; the answer is decoded. No limits, no deadlines, no cancellation, no figures, no sandbox. On a
machine that does other things: ``chrt --rr 5 python tests/benchmarks/bench_calls.py``.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
from measured_plugin import plan_in, plugin_info

from theodore_loader.channel.codec import Call, Result
from theodore_loader.channel.frames import HEADER_BYTES, frame
from theodore_loader.channel.methods import methods_of
from theodore_loader.supervise.runtime import runtime_folder
from theodore_loader.supervise.surroundings import Surroundings
from theodore_loader.supervise.worker import Worker, spawn_worker
from theodore_sdk import PluginResourceLimits, ScraperPlugin, ScrapingRequest, ScrapingResult

PLUGIN = """
from theodore_sdk import HealthStatus, ScraperPlugin, ScrapingResult, ValidationResult

class Bench(ScraperPlugin):
    def get_plugin_info(self): ...
    async def initialize(self, container, config): ...
    async def validate_configuration(self, config): return ValidationResult.success()
    async def health_check(self): return HealthStatus.healthy()
    async def cleanup(self): ...
    async def scrape_content(self, request): return ScrapingResult("", request.url, 200, True)
"""
INFO = plugin_info(resource_limits=PluginResourceLimits(max_cpu_percent=400.0))
SMALL, LARGE = "x", "x" * 1_000_000
ROUNDS, CALLS, IN_FLIGHT, MEGABYTES, ITEMS = 21, 400, 64, 20, 5000
SCRAPE = methods_of(ScraperPlugin)["scrape_content"]


def echo_pipe(pipe: Connection) -> None:
    while (message := pipe.recv()) is not None:
        pipe.send(message)


def echo_bytes(end: socket.socket) -> None:
    while data := end.recv(65536):
        end.send(data)


def echo_calls(end: socket.socket) -> None:
    """Answer calls as a worker does, with nothing of what makes it one."""
    frames = msgspec.msgpack.Decoder(Call)
    arguments = msgspec.msgpack.Decoder(tuple[ScrapingRequest])

    async def scrape(request: ScrapingRequest) -> ScrapingResult:
        return ScrapingResult("", request.url, 200, True)

    while data := end.recv(65536):
        call = frames.decode(data[HEADER_BYTES:])
        try:
            scrape(*arguments.decode(call.args)).send(None)
        except StopIteration as returned:
            end.send(frame(msgspec.msgpack.encode(Result(call.id, returned.value))))


def peer(answer: Callable[[socket.socket], None]) -> socket.socket:
    """Return a socket to a process that answers until its end is closed."""
    ours, theirs = socket.socketpair()
    multiprocessing.get_context("spawn").Process(target=answer, args=(theirs,), daemon=True).start()
    theirs.close()
    return ours


class Floor:
    """The least a task of asyncio can do to send bytes to a peer and await what comes back."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[bytes] = self._loop.create_future()
        self._loop.add_reader(end, lambda: self._answer.set_result(end.recv(65536)))

    async def bytes(self) -> None:
        """Send 60 bytes and await them."""
        self._answer = self._loop.create_future()
        self._end.send(b"x" * 60)
        await self._answer

    async def frames(self) -> None:
        """Call, and await the result."""
        self._answer = self._loop.create_future()
        call = Call(1, "scrape_content", 5.0, [ScrapingRequest(url=SMALL)])
        self._end.send(frame(msgspec.msgpack.encode(call)))
        result = _RESULT.decode((await self._answer)[HEADER_BYTES:])
        _SCRAPED.decode(result.value)


_RESULT = msgspec.msgpack.Decoder(Result)
_SCRAPED = msgspec.msgpack.Decoder(ScrapingResult)


async def scrape(worker: Worker, url: str) -> str:
    result = await worker.call(SCRAPE, (ScrapingRequest(url=url),), {})
    return str(result.content)


async def each(count: int, one: Callable[[], Awaitable[Any]]) -> float:
    """Seconds one takes of ``count``, one after the other."""
    started = time.perf_counter()
    for _ in range(count):
        await one()
    return (time.perf_counter() - started) / count


async def many(worker: Worker) -> float:
    """Seconds a call with ``IN_FLIGHT`` callers at once."""
    started = time.perf_counter()
    callers = (each(2 * CALLS // IN_FLIGHT, lambda: scrape(worker, SMALL)) for _ in range(IN_FLIGHT))
    await asyncio.gather(*callers)
    return (time.perf_counter() - started) / (2 * CALLS // IN_FLIGHT * IN_FLIGHT)


async def streamed(worker: Worker) -> float:
    """Seconds an item of a stream of small results, every one of which the plugin makes by a call of its own."""
    requests = [ScrapingRequest(url=SMALL)] * ITEMS
    started = time.perf_counter()
    async for _item in worker.stream(worker.methods["stream_contents"], (requests,), {}):
        pass
    return (time.perf_counter() - started) / ITEMS


def piped(pipe: Connection, count: int, message: object) -> float:
    started = time.perf_counter()
    for _ in range(count):
        pipe.send(message)
        pipe.recv()
    return (time.perf_counter() - started) / count


@dataclass
class Column:
    """One thing that is measured, and what it is compared with."""

    name: str
    against: int
    seconds: list[float] = field(default_factory=list)

    def line(self, columns: list[Column]) -> str:
        reference = columns[self.against].seconds
        least, middle = min(self.seconds), statistics.median(self.seconds)
        ratios = statistics.median(mine / its for mine, its in zip(self.seconds, reference, strict=True))
        times = f"{least * 1e6:9.1f} {middle * 1e6:9.1f} us"
        return f"{self.name:42}{times} {least / min(reference):8.2f} x {ratios:7.2f} x {1 / middle:10,.0f} /s"


async def measure(worker: Worker, pipe: Connection) -> list[Column]:
    floor, framed = Floor(peer(echo_bytes)), Floor(peer(echo_calls))
    columns = [
        Column("blocking multiprocessing.Pipe, small", 0),
        Column("floor of asyncio, bytes", 0),
        Column("floor of asyncio, frames", 0),
        Column("call, small", 0),
        Column(f"call, {IN_FLIGHT} in flight", 0),
        Column("item of a stream, small", 0),
        Column("blocking multiprocessing.Pipe, 1 MB", 6),
        Column("call, 1 MB there and back", 6),
    ]
    for number in range(ROUNDS + 1):
        times = (
            piped(pipe, CALLS, {"url": SMALL}),
            await each(CALLS, floor.bytes),
            await each(CALLS, framed.frames),
            await each(CALLS, lambda: scrape(worker, SMALL)),
            await many(worker),
            await streamed(worker),
            piped(pipe, MEGABYTES, LARGE),
            await each(MEGABYTES, lambda: scrape(worker, LARGE)),
        )
        if number:  # the first round warms up
            for column, seconds in zip(columns, times, strict=True):
                column.seconds.append(seconds)
    return columns


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = plan_in(folder, PLUGIN, INFO)
        worker = await spawn_worker(plan, Surroundings(folder / "logs", runtime_folder(folder), {}, {}, lambda _: None))
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=echo_pipe, args=(theirs,), daemon=True)
        process.start()
        columns = await measure(worker, ours)
        print(f"{ROUNDS} rounds of {CALLS} calls, on {os.cpu_count()} processors")
        print(f"{'':42}{'minimum':>9} {'median':>9}    {'minima':>10} {'medians':>9}")
        for column in columns:
            print(column.line(columns))
        ours.send(None)
        process.join()
        await worker.close()


if __name__ == "__main__":
    asyncio.run(main())
