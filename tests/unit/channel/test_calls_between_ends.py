"""Calls between two ends: binding, deadlines, cancellation, many at once, and what the first frames settle."""

from __future__ import annotations

import asyncio
import inspect
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.channel import negotiation
from theodore_loader.channel.parameters import Binder
from theodore_loader.errors import CallTimeout, ProtocolViolation


class Feed:
    """The operations of these tests."""

    async def echo(self, text: str, repeat: int = 1, *, suffix: str = "") -> str:
        raise NotImplementedError

    async def wait(self, seconds: float) -> str:
        raise NotImplementedError


class Plugin(Feed):
    """Counts what is stopped."""

    def __init__(self):
        self.stopped = 0

    async def echo(self, text, repeat=1, *, suffix=""):
        return text * repeat + suffix

    async def wait(self, seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        return "waited"


@pytest.fixture
async def plugin():
    return Plugin()


@pytest.fixture
async def pair(connect, plugin):
    return await connect(plugin, Feed)


async def test_arguments_arrive_however_they_are_given(pair):
    assert await pair.call("echo", "a") == "a"
    assert await pair.call("echo", "a", 2) == "aa"
    assert await pair.call("echo", "a", suffix="!") == "a!"
    assert await pair.call("echo", repeat=3, text="a", suffix="!") == "aaa!"
    for args, kwargs in ((), {}), (("a", 1, "!"), {}), (("a",), {"text": "b"}), (("a",), {"other": 1}):
        with pytest.raises(TypeError):
            await pair.call("echo", *args, **kwargs)


async def test_any_number_of_calls_and_sizes_go_at_once(pair):
    sizes = [1, 3000, 70_000, 400_000] * 30
    texts = [f"{number}:" + "x" * size for number, size in enumerate(sizes)]
    assert await asyncio.gather(*(pair.call("echo", text) for text in texts)) == texts
    assert not pair.host._pending
    assert pair.host.unsent == 0


async def test_deadlines_end_calls_in_their_own_order(pair, plugin):
    ended = []

    async def limited(seconds):
        with pytest.raises(CallTimeout, match=f"within {seconds:g} s; it was cancelled"):
            await pair.call("wait", 30.0, seconds=seconds)
        ended.append(seconds)

    await asyncio.gather(limited(0.3), limited(0.1), limited(0.2), pair.call("wait", 0.05))
    assert ended == [0.1, 0.2, 0.3]
    assert plugin.stopped == 3
    assert not pair.ends


async def test_cancelled_callers_leave_nothing_behind(pair, plugin):
    tasks = [asyncio.create_task(pair.call("wait", 30.0)) for _ in range(50)]
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))
    for _ in range(500):
        if not pair.host._pending:
            break
        await asyncio.sleep(0.01)
    assert not pair.host._pending
    assert plugin.stopped == 50
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pair.call("wait", 30.0)
    assert await pair.call("echo", "still there") == "still there"


async def test_a_caller_may_end_the_channel_in_the_very_turn_its_answer_arrives(pair):
    async def caller(number):
        await pair.call("echo", str(number))
        if number == 5:
            pair.host.end(ProtocolViolation("enough"))
        return number

    outcomes = await asyncio.wait_for(
        asyncio.gather(*(caller(number) for number in range(20)), return_exceptions=True), 5
    )
    assert outcomes[:6] == list(range(6))
    assert all(isinstance(outcome, int | ProtocolViolation) for outcome in outcomes)


KINDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@st.composite
def signatures(draw):
    """Draw parameters in an order Python allows: positional before keyword-only, required before defaults."""
    names = iter("abcdefgh")
    positional, keyword = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    first_default = draw(st.integers(0, positional))
    made = [
        inspect.Parameter(next(names), KINDS[0], default=inspect.Parameter.empty if n < first_default else n)
        for n in range(positional)
    ]
    made += [
        inspect.Parameter(next(names), KINDS[1], default=draw(st.sampled_from([inspect.Parameter.empty, "k"])))
        for _ in range(keyword)
    ]
    return inspect.Signature(made)


def outcome(bind, args, kwargs):
    try:
        return bind(args, kwargs)
    except TypeError:
        return "TypeError"


@given(signatures(), st.integers(0, 5), st.sets(st.sampled_from("abcdefgh"), max_size=3))
def test_binding_quickly_is_binding_as_python_does(signature, positional, names):
    def slowly(args, kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return list(bound.arguments.values())

    args, kwargs = tuple(range(100, 100 + positional)), dict.fromkeys(sorted(names), "given")
    assert outcome(Binder.of(signature).values, args, kwargs) == outcome(slowly, args, kwargs)
    assert outcome(Binder.of(signature).values, args, {}) == outcome(slowly, args, {})


@pytest.mark.parametrize(("offered", "spoken"), list(itertools.product([(1,), (3, 1), (2,)], [(1,), (2, 1)])))
def test_the_best_common_protocol_is_chosen_or_none(offered, spoken):
    common = [protocol for protocol in spoken if protocol in offered]
    if common:
        assert negotiation.choose(offered, spoken) == common[0]
    else:
        with pytest.raises(negotiation.NoCommonProtocolError, match="offered 2, spoken here 1"):
            negotiation.choose(offered, spoken)
