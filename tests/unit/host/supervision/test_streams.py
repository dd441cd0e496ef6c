"""Streams over crashes and exchanges: each belongs to the worker it began in."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from theodore_loader.channel.methods import methods_of
from theodore_loader.errors import WorkerCrashed
from theodore_loader.supervise.settings import Supervision
from theodore_loader.supervise.violations import ONLY_ASKS
from theodore_sdk import ScrapingRequest
from theodore_sdk.ports import CATEGORY_BASES


def pages(demo, *urls):
    return demo.plugin.stream_contents([ScrapingRequest(url=url) for url in urls])


async def test_a_stream_goes_on_in_its_worker_while_calls_go_to_the_next_one(supervise):
    demo = await supervise()
    contents = []
    async with aclosing(pages(demo, "a", "sleep 0.1", "b")) as items:
        async for item in items:
            contents.append(item.content)
            if len(contents) == 1:
                await demo.supervisor.swap(demo.edition("1.1.0"))
                assert demo.supervisor.status().in_flight == 1
                assert await demo.do("now") == "1.1.0"
    assert contents == ["1.0.0"] * 3
    assert [item.content async for item in pages(demo, "a")] == ["1.1.0"]
    assert demo.supervisor.status().in_flight == 0


async def test_a_crash_ends_a_stream_with_its_reason_and_the_next_one_begins_anew(supervise):
    demo = await supervise()
    stream = pages(demo, "a", "sleep 0.3", "exit 3")
    assert (await anext(stream)).content == "1.0.0"
    with pytest.raises(WorkerCrashed, match="status 3") as crash:
        [item async for item in stream]
    assert not crash.value.safe_to_repeat
    await demo.clock.advance(1.0)
    assert [item.content async for item in pages(demo, "a", "b")] == ["1.0.0"] * 2


async def test_a_stream_its_reader_has_left_does_not_hold_a_drain(supervise):
    demo = await supervise(Supervision(drain_seconds=20.0))
    stream = pages(demo, "a", "sleep 15")
    await anext(stream)
    await stream.aclose()
    assert demo.supervisor.status().in_flight == 0
    await demo.supervisor.close()
    assert (demo.data / "cleaned").exists()


def test_what_only_asks_is_in_the_contract():
    contract = {name for base in CATEGORY_BASES.values() for name in methods_of(base)}
    assert contract >= ONLY_ASKS
