"""Services called by something that is no honest worker."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from theodore_loader.broker.services import MAX_STEPS, REFUSALS_PER_SECOND, Services
from theodore_loader.channel.codec import HostCall
from theodore_loader.permissions import Permission


class Store:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.calls = []

    async def put(self, value) -> int:
        self.calls.append(value)
        return len(value)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def services(store):
    return Services({"store": store}, [Permission.from_text("registry store")], lambda *_: None)


def call(value, number=1):
    return HostCall(number, "store", "put", msgspec.Raw(msgspec.msgpack.encode([[value], {}])))


@pytest.mark.parametrize("part", [[], {}, [None], {"a": 1}, ["a"]])
async def test_arguments_of_very_many_parts_are_refused_before_they_are_made(services, store, part):
    answer = await services.call(call([part] * 150_000))
    assert answer.error == ("ProtocolViolation", "a value has too many parts")
    assert store.calls == []


@pytest.mark.parametrize(
    "value", [list(range(300_000)), [1.5] * 100_000, "x" * 1_000_000, [{"a": [1]}] * (MAX_STEPS // 5)]
)
async def test_large_ordinary_arguments_pass(services, store, value):
    answer = await services.call(call(value))
    assert (answer.error, store.calls) == (None, [value])


async def test_other_work_comes_between_two_calls_with_arguments(services, store):
    order = []

    async def other():
        for _ in range(3):
            order.append(len(store.calls))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for number in range(1, 9):
            group.create_task(services.call(call(["x"], number)))
        group.create_task(other())
    assert len(store.calls) == 8
    assert max(order) < 8


async def test_refusals_beyond_a_rate_are_answered_late(services):
    refused = HostCall(1, "other", "put", msgspec.Raw(msgspec.msgpack.encode([[], {}])))
    for _ in range(2 * REFUSALS_PER_SECOND):
        assert (await services.call(refused)).denial is not None
    late = [asyncio.create_task(services.call(refused)) for _ in range(10)]
    await asyncio.sleep(0)
    assert not all(task.done() for task in late)
    assert all(answer.denial is not None for answer in await asyncio.gather(*late))
