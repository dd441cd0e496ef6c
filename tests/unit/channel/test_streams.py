"""Streams between a host and a worker, in both directions: order, back-pressure, every way to end, and progress."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from theodore_loader.channel import codec, pending
from theodore_loader.channel.client import MAX_STREAMS
from theodore_loader.channel.methods import BadValueError
from theodore_loader.channel.streams import CHUNK_BYTES, WINDOW_BYTES
from theodore_loader.errors import CallTimeout, RemoteError
from theodore_loader.progress import progress_to
from theodore_sdk import ProgressCallback, ResourceLimitExceeded, report_progress


class Feed:
    """The operations of these tests."""

    async def count(self, until: int, size: int = 0) -> AsyncIterator[str]:
        raise NotImplementedError
        yield ""

    async def total(self, numbers: AsyncIterator[int], *, factor: int = 1) -> int:
        raise NotImplementedError

    async def doubled(self, numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        raise NotImplementedError
        yield 0

    async def work(self, steps: int, progress: ProgressCallback | None = None) -> str:
        raise NotImplementedError


class Plugin(Feed):
    """Remembers what happened to its generators."""

    def __init__(self) -> None:
        self.yielded = 0
        self.ended = asyncio.Event()

    async def count(self, until, size=0):
        try:
            for number in range(until):
                self.yielded += 1
                yield str(number).ljust(size)
        finally:
            self.ended.set()

    async def total(self, numbers, *, factor=1):
        return factor * sum([number async for number in numbers])

    async def doubled(self, numbers):
        async for number in numbers:
            yield 2 * number

    async def work(self, steps, progress=None):
        for step in range(steps):
            report_progress(step / steps, f"step {step}")
            if progress is not None:
                progress(step / steps, "by callback")
            await asyncio.sleep(0)
        return "done"


async def collect(items, into):
    async for item in items:
        into.append(item)


@pytest.fixture
async def plugin():
    return Plugin()


@pytest.fixture
async def pair(connect, plugin):
    return await connect(plugin, Feed)


@pytest.mark.parametrize("size", [0, 100, CHUNK_BYTES, 300_000])
async def test_items_arrive_in_order_whatever_their_size(pair, size):
    until = 5000 if size < CHUNK_BYTES else 12
    got = [item async for item in pair.stream("count", until, size)]
    assert [int(item) for item in got] == list(range(until))


async def test_small_items_travel_together(pair, monkeypatch):
    chunks = []
    deliver = pair.host._on_chunk
    pair.host._react[codec.Chunk] = lambda chunk: (chunks.append(chunk), deliver(chunk))
    assert len([item async for item in pair.stream("count", 5000)]) == 5000
    assert len(chunks) < 50


async def test_an_item_does_not_wait_for_the_next(connect):
    class Slow(Plugin):
        async def count(self, until, size=0):
            yield "first"
            await asyncio.sleep(30)
            yield "second"

    pair = await connect(Slow(), Feed)
    async with aclosing(pair.stream("count", 1)) as items:
        assert await asyncio.wait_for(anext(items), 30) == "first"


async def test_a_slow_consumer_stops_the_producer(pair, plugin):
    async with aclosing(pair.stream("count", 1_000_000, 1000)) as items:
        await anext(items)
        await asyncio.sleep(0.2)
        bound = (2 * WINDOW_BYTES + 4 * CHUNK_BYTES) // 1000
        assert plugin.yielded < bound
        for _ in range(2 * bound):
            await anext(items)
        assert plugin.yielded > bound


async def leave_by_break(items):
    async for _ in items:
        break
    await items.aclose()


async def leave_by_aclose(items):
    await anext(items)
    await items.aclose()


async def leave_by_exception(items):
    async def stumble():
        async with aclosing(items):
            await anext(items)
            raise KeyError

    with pytest.raises(KeyError):
        await stumble()


async def leave_by_cancellation(items):
    async def consume():
        async for _ in items:
            await asyncio.sleep(0)

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_by_forgetting(items):
    await anext(items)
    del items
    gc.collect()


@pytest.mark.parametrize(
    "leave", [leave_by_break, leave_by_aclose, leave_by_exception, leave_by_cancellation, leave_by_forgetting]
)
async def test_a_consumer_that_leaves_ends_the_generator_and_nothing_else(pair, plugin, leave):
    await leave(pair.stream("count", 10_000_000))
    await asyncio.wait_for(plugin.ended.wait(), 30)
    await asyncio.sleep(0.01)
    assert not pair.host._pending
    assert await pair.call("work", 1) == "done"
    assert not pair.ends


async def test_an_error_comes_after_what_was_yielded_before_it(connect):
    class Fails(Plugin):
        async def count(self, until, size=0):
            for number in range(until):
                yield str(number)
            raise ValueError("no more")

    pair = await connect(Fails(), Feed)
    got = []
    with pytest.raises(RemoteError, match="ValueError: no more") as caught:
        await collect(pair.stream("count", 3000), got)
    assert len(got) == 3000
    assert any("raise ValueError" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("item", "problem", "message"),
    [
        ("x" * 1_100_000, ResourceLimitExceeded, "an item of count is too large"),
        (object(), RemoteError, "cannot cross"),
        (5, BadValueError, r"\$\[1\]"),
    ],
    ids=["too-large", "no-value", "another-type"],
)
async def test_an_item_that_cannot_cross_ends_the_stream(connect, item, problem, message):
    class Odd(Plugin):
        async def count(self, until, size=0):
            yield "fine"
            yield item

    pair = await connect(Odd(), Feed)
    got = []
    with pytest.raises(problem, match=message):
        await collect(pair.stream("count", 1), got)
    assert got == (["fine"] if problem is not BadValueError else [])
    assert await pair.call("work", 1) == "done"


async def test_what_is_no_stream_is_said(connect):
    class Wrong(Plugin):
        async def count(self, until, size=0):
            return ["a"]

    pair = await connect(Wrong(), Feed)
    with pytest.raises(RemoteError, match="list, which is no stream"):
        _ = [item async for item in pair.stream("count", 1)]


async def test_an_endless_stream_ends_at_its_deadline(pair, plugin):
    got = []
    with pytest.raises(CallTimeout, match=r"count was not done within 0.3 s; it was cancelled"):
        await collect(pair.stream("count", 10**9, seconds=0.3), got)
    assert len(got) > 100
    await asyncio.wait_for(plugin.ended.wait(), 30)


async def test_a_stream_that_says_nothing_is_not_waited_for(connect, monkeypatch):
    class Silent(Plugin):
        async def count(self, until, size=0):
            yield "first"
            await asyncio.sleep(60)

    monkeypatch.setattr(pending, "IDLE_SECONDS", 0.2)
    pair = await connect(Silent(), Feed)
    with pytest.raises(CallTimeout, match=r"count sent nothing for 0.2 s; it was cancelled"):
        _ = [item async for item in pair.stream("count", 1)]


async def test_a_generator_that_will_not_stop_costs_the_worker(connect, monkeypatch):
    class Stubborn(Plugin):
        over = False

        async def count(self, until, size=0):
            yield "first"
            while not self.over:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)

    monkeypatch.setattr(pending, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr("theodore_loader.channel.client.GRACE_SECONDS", 0.1)
    stubborn = Stubborn()
    pair = await connect(stubborn, Feed)
    with pytest.raises(CallTimeout, match="its worker was killed"):
        _ = [item async for item in pair.stream("count", 0, seconds=0.1)]
    assert "passed its deadline" in str(pair.ends[0])
    stubborn.over = True


async def test_more_streams_than_allowed_are_refused(pair):
    streams = [pair.stream("count", 10**6, 5000) for _ in range(MAX_STREAMS + 1)]
    for stream in streams[:-1]:
        await anext(stream)
    with pytest.raises(ResourceLimitExceeded, match="64 streams"):
        await anext(streams[-1])
    for stream in streams:
        await stream.aclose()
    assert len([item async for item in pair.stream("count", 10)]) == 10


async def numbers(until, left=None):
    try:
        for number in range(until):
            yield number
    finally:
        if left is not None:
            left.append(True)


async def test_a_stream_can_be_an_argument(pair):
    assert await pair.call("total", numbers(20_000), factor=2) == 2 * sum(range(20_000))
    assert [item async for item in pair.stream("doubled", numbers(3000))] == [2 * n for n in range(3000)]
    with pytest.raises(TypeError, match="asynchronous iterator, not list"):
        await pair.call("total", [1, 2])


async def test_a_source_is_stopped_when_its_call_ends(connect):
    class Lazy(Plugin):
        async def total(self, numbers, *, factor=1):
            return await anext(numbers)

    pair, left = await connect(Lazy(), Feed), []
    assert await pair.call("total", numbers(10**9, left)) == 0
    await asyncio.sleep(0.05)
    assert left == [True]
    assert not pair.host._uploads._open


async def test_what_a_source_raises_reaches_the_plugin(pair):
    async def broken():
        yield 1
        raise LookupError("the disk is gone")

    with pytest.raises(RemoteError, match="LookupError: the disk is gone"):
        await pair.call("total", broken())


async def test_progress_reaches_whoever_listens_and_is_bounded(pair):
    heard = []
    with progress_to(lambda fraction, message: heard.append((fraction, message))):
        assert await pair.call("work", 20_000) == "done"
    await asyncio.sleep(0)
    assert 2 <= len(heard) < 200
    assert heard[0] == (0.0, "step 0")
    assert heard[-1][1] == "step 19999"
    assert [fraction for fraction, _ in heard] == sorted(fraction for fraction, _ in heard)
    heard.clear()
    assert await pair.call("work", 10) == "done"
    assert heard == []


async def test_a_progress_callback_is_an_argument(pair):
    heard = []
    assert await pair.call("work", 3, lambda fraction, message: heard.append(message)) == "done"
    await asyncio.sleep(0)
    assert "by callback" in heard
    with pytest.raises(TypeError, match="progress callback"):
        await pair.call("work", 3, "not a function")


async def test_calls_of_tasks_that_run_eagerly_know_their_task_and_their_time(connect):
    class Careful(Plugin):
        async def work(self, steps, progress=None):
            task = asyncio.current_task()
            async with asyncio.timeout(30):
                await asyncio.sleep(0)
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(0))
            assert task is asyncio.current_task()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(30)
            return task.get_name()

    pair = await connect(Careful(), Feed)
    names = await asyncio.gather(*(pair.call("work", 1) for _ in range(20)))
    assert len(set(names)) == 20
