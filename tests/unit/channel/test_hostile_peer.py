"""A host's end against whatever a worker may write: it ends that channel, says why, and does nothing else."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest

from theodore_loader.channel import codec, link
from theodore_loader.channel.depth import check_depth
from theodore_loader.channel.failures import to_exception
from theodore_loader.channel.frames import MAX_FRAME_BYTES, frame
from theodore_loader.channel.methods import BadValueError, methods_of
from theodore_loader.channel.streams import WINDOW_BYTES
from theodore_loader.channel.unasked import FRAMES_PER_SECOND
from theodore_loader.errors import LoaderError, ProtocolViolation, RemoteError
from theodore_sdk import ProgressCallback


class Feed:
    """The operations of these tests."""

    async def ask(self, question: str, progress: ProgressCallback | None = None) -> float:
        raise NotImplementedError

    async def anything(self) -> Mapping[str, Any]:
        raise NotImplementedError

    async def count(self) -> AsyncIterator[int]:
        raise NotImplementedError
        yield 0

    async def take(self, numbers: AsyncIterator[int]) -> int:
        raise NotImplementedError


async def numbers():
    for number in range(10**9):
        yield number


async def consume(items):
    return [item async for item in items]


async def everything_in_flight(pair, peer):
    """Have a call (1), a stream (2) and a call (3) with a stream of ours (4) in flight; return their tasks."""
    tasks = [
        asyncio.create_task(pair.call("ask", "?", lambda fraction, message: None)),
        asyncio.create_task(consume(pair.stream("count"))),
        asyncio.create_task(pair.call("take", numbers())),
    ]
    seen = 0
    while seen < 3:
        seen += sum(heard[0] == "call" for heard in await peer.heard())
    return tasks


NIL = msgspec.Raw(b"\xc0")
VIOLATIONS = {
    "an answer nobody waits for": [["result", 99, None]],
    "a second answer": [["result", 1, 1.0], ["result", 1, 1.0]],
    "a second error": [["error", 1, "raised", "T", "m"], ["error", 1, "raised", "T", "m"]],
    "an unknown error code": [["error", 1, "invented", "T", "m"]],
    "a failed start, started": [["error", 0, "no-plugin", "T", "m"]],
    "a second ready": [codec.Ready(1, b"n", 1, "3", 0, (), (), {})],
    "loaded, unasked": [codec.Loaded(1.0, ())],
    "pong without a ping": [codec.Pong(1)],
    "a result for a stream": [["result", 2, 1]],
    "a chunk for a call": [codec.Chunk(1, [1])],
    "a chunk of nothing": [codec.Chunk(2, [])],
    "a chunk that is no array": [codec.Chunk(2, {"a": 1})],
    "chunks beyond their credit": [codec.Chunk(2, ["x" * 100_000])] * 4,
    "the end of a call": [codec.End(1)],
    "the end of no stream": [codec.End(77)],
    "an end with the host's own error": [codec.End(2, ("E", "m"))],
    "a second end": [codec.End(2), codec.End(2)],
    "a chunk after the end": [codec.End(2), codec.Chunk(2, [1])],
    "credit for no stream": [codec.Credit(99, 5)],
    "credit beyond the window": [codec.Credit(4, WINDOW_BYTES + 1)],
    "credit of nothing": [codec.Credit(4, 0)],
    "a cancellation of no stream": [codec.Cancel(99)],
    "progress nobody asked for": [codec.Progress(2, 0.5, "")],
    "progress of no call": [codec.Progress(98, 0.5, "")],
    "progress beyond the end": [["progress", 1, 1.5, ""]],
    "progress that is no number": [["progress", 1, float("nan"), ""]],
    "an id beyond 53 bits": [["result", 2**60, None]],
    "an id that is negative": [["result", -1, None]],
    "an unknown frame": [["surprise", 1]],
    "a host's frame": [["call", 1, "ask", 1.0, []]],
    "a frame that is a map": [{"result": 1}],
    "a frame with more than it has": [["result", 1, 1.0, 2]],
}


@pytest.mark.parametrize("messages", VIOLATIONS.values(), ids=VIOLATIONS.keys())
async def test_what_no_honest_worker_says_ends_its_channel_and_every_call(impersonate, messages):
    pair, peer = await impersonate(Feed)
    tasks = await everything_in_flight(pair, peer)
    await peer.say(*messages)
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
    assert isinstance(pair.ends[0], ProtocolViolation)
    assert len(pair.ends) == 1
    assert any(isinstance(outcome, LoaderError) for outcome in outcomes)
    with pytest.raises(ProtocolViolation):
        await pair.call("ask", "again")
    assert not pair.host._uploads._open


@pytest.mark.parametrize("tag", ["result", "log", "hostcall", "chunk", "error", "access", "pong", "loaded"])
async def test_only_the_handshake_is_understood_before_it_is_done(impersonate, tag):
    pair, peer = await impersonate(Feed, ready=False)
    frames = {
        "result": ["result", 1, None],
        "log": codec.Log(20, "a", "b"),
        "hostcall": codec.HostCall(1, "store", "get", NIL),
        "chunk": codec.Chunk(1, [1]),
        "error": ["error", 5, "raised", "T", "m"],
        "access": codec.Accesses(()),
        "pong": codec.Pong(1),
        "loaded": codec.Loaded(1.0, ()),
    }
    await peer.say(frames[tag])
    await asyncio.sleep(0.02)
    assert isinstance(pair.ends[0], ProtocolViolation)


async def test_words_about_a_stream_that_has_ended_are_noise(impersonate):
    pair, peer = await impersonate(Feed)
    await everything_in_flight(pair, peer)
    await peer.say(*[codec.Cancel(4), codec.Credit(4, 5)] * 3000)
    for _ in range(200):
        if pair.host.dropped_noise > 100:
            break
        await asyncio.sleep(0.05)
    assert pair.host.dropped_noise > 100
    assert not pair.ends


async def test_values_are_exactly_what_the_contract_says(impersonate):
    pair, peer = await impersonate(Feed)

    async def answered(value, name="ask", *args):
        task = asyncio.create_task(pair.call(name, *args))
        number = (await peer.heard())[-1][1]
        await peer.say(["result", number, value])
        return await asyncio.wait_for(task, 30)

    assert await answered(1.5, "ask", "?") == 1.5
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(BadValueError, match="finite"):
            await answered(value, "ask", "?")
    for value in ("1.5", None, [1.5], True):
        with pytest.raises(BadValueError, match="Expected `float`"):
            await answered(value, "ask", "?")
    assert await answered({"a": [1, {"b": "\x00"}]}, "anything") == {"a": [1, {"b": "\x00"}]}
    with pytest.raises(BadValueError, match="finite"):
        await answered({"a": [1, {"b": float("nan")}]}, "anything")
    assert not pair.ends


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def test_what_looks_like_a_number_that_is_none_is_text_where_it_is_text():
    anything = methods_of(Feed)["anything"].read
    data = msgspec.msgpack.encode({"a": b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "b": 1.5})
    assert anything(data)["b"] == 1.5
    assert anything(msgspec.msgpack.encode({"a": "ˠ \x7f" * 1000}))
    single = b"\x81\xa1a\xca\x7f\xc0\x00\x00"
    with pytest.raises(BadValueError, match="finite"):
        anything(single)


def test_open_values_are_bounded_in_depth_parts_and_keys():
    anything = methods_of(Feed)["anything"].read
    with pytest.raises(ProtocolViolation, match="nests deeper"):
        anything(msgspec.msgpack.encode({"a": nested(200)}))
    with pytest.raises(ProtocolViolation, match="too many parts"):
        anything(msgspec.msgpack.encode({"a": [[1]] * 300_000}))
    keys = {(number, number): 1 for number in range(100)}
    with pytest.raises(ProtocolViolation, match="container for a key"):
        anything(msgspec.msgpack.encode({"a": keys}))
    check_depth(msgspec.msgpack.encode([{"a": 1, "b": {"c": [1, 2]}}, {"d": {}}] * 50))


async def test_a_value_that_is_no_msgpack_ends_the_channel_and_its_own_call(impersonate):
    pair, peer = await impersonate(Feed)
    task = asyncio.create_task(pair.call("anything"))
    await peer.heard()
    await peer.raw(frame(b"\x93\xa6result\x01\x81\xa1a\xa2\xff\xfe"))
    with pytest.raises(ProtocolViolation):
        await asyncio.wait_for(task, 30)
    assert isinstance(pair.ends[0], ProtocolViolation)


async def test_items_that_are_no_msgpack_end_the_channel(impersonate):
    pair, peer = await impersonate(Feed)
    task = asyncio.create_task(consume(pair.stream("count")))
    await peer.heard()
    await peer.raw(frame(b"\x93\xa5chunk\x01\x91\xa2\xff\xfe"))
    with pytest.raises((ProtocolViolation, BadValueError)):
        await asyncio.wait_for(task, 30)


def test_what_a_worker_says_of_an_error_is_printable_and_bounded():
    trace = 'File "a.py", line 1\n\x1b[2J\n' + "x" * 100
    error = codec.Error(1, "raised", "Odd\x1b[31m", "first\nCRITICAL forged: line\x00\u202e", trace)
    problem = to_exception(error)
    assert isinstance(problem, RemoteError)
    assert str(problem).isprintable()
    assert r"first\nCRITICAL" in str(problem)
    assert problem.__notes__[0].startswith("in the plugin:\nFile")
    assert all(line.isprintable() for line in problem.__notes__[0].split("\n"))
    denial = codec.Denial("network\n", "host\x1b", "a.py:1\n", "broker\n")
    assert str(to_exception(codec.Error(1, "permission-denied", "E", "m", denial=denial))).isprintable()


async def test_log_records_cannot_forge_lines_of_a_terminal(impersonate):
    pair, peer = await impersonate(Feed)
    await peer.say(codec.Log(20, "demo\n", "one\n\x1b[2Jtwo"))
    await asyncio.sleep(0.02)
    assert pair.logs == [codec.Log(20, "demo\\n", "one\n\\x1b[2Jtwo")]


async def test_a_flood_of_unasked_frames_is_dropped_and_read_slowly(impersonate):
    pair, peer = await impersonate(Feed)
    flood = asyncio.create_task(peer.say(*[codec.Log(20, "demo", "spam")] * 20_000))
    began = time.monotonic()
    for more in (100, 200):  # it is read on, and slowly
        async with asyncio.timeout(30):
            while pair.host.dropped_noise <= more:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
    assert len(pair.logs) <= FRAMES_PER_SECOND * (2 + time.monotonic() - began) + 1
    flood.cancel()


async def test_a_talkative_worker_does_not_pay_for_what_a_caller_does_with_its_answer(impersonate, monkeypatch):
    pair, peer = await impersonate(Feed)
    worked = 0.0
    monkeypatch.setattr(link, "monotonic", lambda: time.monotonic() + worked)

    async def caller():
        nonlocal worked
        first = await pair.call("anything")
        worked = 600.0  # without letting go of the event loop
        return first, await pair.call("anything")

    task = asyncio.create_task(caller())
    await peer.heard()
    await peer.say(*[codec.Log(20, "demo", "spam")] * 600, codec.Result(1, {"number": 1}))
    await peer.heard()
    await peer.say(codec.Result(2, {"number": 2}))
    assert await asyncio.wait_for(task, 30) == ({"number": 1}, {"number": 2})


HONEST = [
    codec.Result(1, 1.5),
    codec.Error(1, "raised", "ValueError", "no", "trace"),
    codec.Chunk(2, [1, 2, 3]),
    codec.End(2),
    codec.Credit(4, 1000),
    codec.Cancel(4),
    codec.Progress(1, 0.5, "half"),
    codec.HostCall(1, "store", "get", msgspec.Raw(b"\x92\x90\x80")),
    codec.Log(20, "demo", "hello"),
    codec.Accesses((codec.Access(1.0, "network", "a:1", True, None, 3),), 2),
    codec.Pong(4),
]


def mutated(chance: random.Random) -> bytes:
    """Return an honest frame, damaged: bits, length, a cut, a repetition, or nothing but noise."""
    data = bytearray(codec.encode(chance.choice(HONEST)))
    match chance.randrange(8):
        case 0:
            data[chance.randrange(4, len(data))] ^= 1 << chance.randrange(8)
        case 1:
            data[:4] = struct.pack(">I", chance.choice([0, 1, MAX_FRAME_BYTES, MAX_FRAME_BYTES + 1, 2**32 - 1]))
        case 2:
            del data[chance.randrange(len(data)) :]
        case 3:
            data = bytearray(frame(bytes(chance.randrange(256) for _ in range(chance.randrange(60)))))
        case 4:
            data = bytearray(frame(chance.choice([b"\x91", b"\x81\xa1a", b"\xdd\xff\xff\xff\xff"]) * 5000))
        case 5:
            data = bytearray(frame(b"\x93\xa6result\x01" + b"\x91" * chance.choice([40, 5000, 500_000]) + b"\xc0"))
        case 6:
            data *= chance.randrange(2, 5)
        case _:
            position = chance.randrange(4, len(data))
            data[position : position + 1] = bytes(chance.randrange(256) for _ in range(chance.randrange(6)))
    return bytes(data)


@pytest.mark.parametrize("seed", range(60))
async def test_damaged_frames_end_a_channel_or_mean_something_and_never_more(impersonate, seed):
    """Nothing else can happen: every task ends with a value or an error of ours, and the loop stays quick."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    chance = random.Random(seed)
    pair, peer = await impersonate(Feed)
    tasks = await everything_in_flight(pair, peer)
    senders = [asyncio.create_task(peer.raw(b"".join(mutated(chance) for _ in range(6))))]
    await asyncio.wait(tasks, timeout=0.02)
    senders[0].cancel()
    pair.host.end(LoaderError("the test is over"))
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
    await asyncio.wait(senders)
    for outcome in outcomes:
        assert isinstance(outcome, int | float | list | LoaderError | BadValueError), outcome
    assert len(pair.ends) == 1
    assert not pair.host._pending
    assert not problems
