"""Frames as types: what is written arrives, everything else is a violation and never another exception."""

from __future__ import annotations

import contextlib
import sys
import threading
import time

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from theodore_loader.channel import codec
from theodore_loader.channel.depth import MAX_DEPTH, check_depth, has_ample_stack
from theodore_loader.channel.frames import HEADER_BYTES
from theodore_loader.errors import ProtocolViolation

NIL = msgspec.Raw(b"\xc0")
FROM_WORKER = [
    codec.Ready(1, b"n", 5, "3.11.7", 2, (codec.Layer("seccomp", True, "x"),), (), {"confine": 1.5}),
    codec.Loaded(2.5, ("scrape_content",)),
    codec.Result(7, NIL),
    codec.Chunk(7, NIL),
    codec.End(7),
    codec.Credit(8, 1000),
    codec.Cancel(8),
    codec.Progress(7, 0.5, "half"),
    codec.Error(7, "raised", "ValueError", "no", "trace"),
    codec.Error(7, "permission-denied", "E", "no", denial=codec.Denial("network", "a:1", "p.py:3", "broker")),
    codec.HostCall(1, "store", "get", NIL),
    codec.Log(20, "demo", "hello"),
    codec.Accesses((codec.Access(1.0, "network", "a:1", True, None, 3),), 2),
    codec.Pong(4),
]
FROM_HOST = [
    codec.Hello((1,), b"n", NIL),
    codec.Load("m:C", "scraper", NIL, ("store",)),
    codec.Call(1, "scrape_content", 3.0, NIL),
    codec.Call(2, "scrape_all", 3.0, NIL, 1000, True),
    codec.Cancel(1),
    codec.Chunk(7, NIL),
    codec.End(7, ("ValueError", "no")),
    codec.Credit(7, 1000),
    codec.HostResult(1, NIL, ("LookupError", "no")),
    codec.Ping(4),
    codec.Shutdown(),
]


BOTH_WAYS = (codec.Chunk, codec.End, codec.Credit, codec.Cancel)


@pytest.mark.parametrize("message", FROM_WORKER, ids=lambda message: type(message).__name__)
def test_every_frame_of_a_worker_arrives_at_the_host_and_nowhere_else(message):
    payload = codec.encode(message)[HEADER_BYTES:]
    assert codec.decode_from_worker(payload) == message
    if not isinstance(message, BOTH_WAYS):
        with pytest.raises(ProtocolViolation):
            codec.decode_from_host(payload)


@pytest.mark.parametrize("message", FROM_HOST, ids=lambda message: type(message).__name__)
def test_every_frame_of_a_host_arrives_at_the_worker_and_nowhere_else(message):
    payload = codec.encode(message)[HEADER_BYTES:]
    assert codec.decode_from_host(payload) == message
    if not isinstance(message, BOTH_WAYS):
        with pytest.raises(ProtocolViolation):
            codec.decode_from_worker(payload)


@given(st.binary(max_size=200))
@example(b"\x91" * 200)
@example(b"\xdd\xff\xff\xff\xff")
def test_arbitrary_bytes_are_a_frame_or_a_violation(data):
    with contextlib.suppress(ProtocolViolation):
        codec.decode_from_worker(data)


@given(st.sampled_from(FROM_WORKER), st.data())
def test_a_damaged_frame_is_a_frame_or_a_violation(message, data):
    payload = bytearray(codec.encode(message)[HEADER_BYTES:])
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ProtocolViolation):
        codec.decode_from_worker(bytes(payload))


@pytest.mark.parametrize(
    "message",
    [
        ["log", 20, "demo", "x" * 5000],
        ["log", 101, "demo", "x"],
        ["log", 2**63, "demo", "x"],
        ["result", 0, None],
        ["result", -1, None],
        ["result", 2**60, None],
        ["error", 1, "raised", "T", "x" * 5000, "", None, None],
        ["access", [[1.0, "n", "r", True, None, 1]] * 300, 0],
        ["unknown", 1],
        ["result", "1", None],
        ["result", 1.0, None],
        {"result": 1},
        [],
        [["result"], 1],
    ],
)
def test_caps_and_types_are_exact(message):
    with pytest.raises(ProtocolViolation):
        codec.decode_from_worker(msgspec.msgpack.encode(message))


def test_deep_frames_are_violations_with_and_without_the_walk():
    for ample_stack, depth in ((False, 200), (False, 1_000_000), (True, 50_000), (True, 1_000_000)):
        with pytest.raises(ProtocolViolation):
            codec.decode_from_worker(b"\x93\xa6result\x01" + b"\x91" * depth + b"\xc0", ample_stack=ample_stack)


def test_a_raised_recursion_limit_brings_the_walk_back():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        with pytest.raises(ProtocolViolation, match="nests deeper"):
            codec.decode_from_worker(b"\x93\xa6result\x01" + b"\x91" * 50_000 + b"\xc0", ample_stack=True)
    finally:
        sys.setrecursionlimit(limit)


def test_a_small_stack_is_known_as_one():
    found = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: found.append(has_ample_stack()))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert found == [False]


def nested(depth, leaf=1):
    value = leaf
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


@pytest.mark.parametrize(("depth", "passes"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (500, False)])
def test_nesting_is_limited_exactly(depth, passes):
    data = msgspec.msgpack.encode([nested(depth - 1), *range(200)]) if depth > 1 else b""
    if passes:
        check_depth(data)
    else:
        with pytest.raises(ProtocolViolation, match="nests deeper"):
            check_depth(data)


def test_a_million_nested_arrays_are_refused_at_once():
    with pytest.raises(ProtocolViolation):
        check_depth(b"\x91" * 1_000_000)
    with pytest.raises(ProtocolViolation):
        check_depth(b"\xdd\xff\xff\xff\xff" * 100)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=60,
)


def depth_of(value):
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0) if value else 0
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0) if value else 0
    return 0


@given(plain, st.integers(0, 6))
def test_the_depth_found_is_the_depth_there_is(value, limit):
    """Against a second, recursive implementation on the decoded value. Empty containers hold no level."""
    data = msgspec.msgpack.encode(value)
    if depth_of(value) <= limit:
        check_depth(data, limit)
    else:
        with pytest.raises(ProtocolViolation):
            check_depth(data, limit)


numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.booleans() | st.none()
vectors = st.recursive(
    st.lists(numbers, max_size=30), lambda inner: st.lists(inner | numbers, max_size=12), max_leaves=12
)


@given(vectors, st.integers(0, 5))
def test_runs_of_numbers_do_not_hide_a_level(value, limit):
    test_the_depth_found_is_the_depth_there_is.hypothesis.inner_test(value, limit)


def test_a_mebibyte_of_numbers_is_judged_quickly():
    started = time.process_time()
    check_depth(msgspec.msgpack.encode([[1.1 + number / 7 for number in range(1000)] for _ in range(110)]))
    check_depth(msgspec.msgpack.encode(list(range(200)) * 5000))
    assert time.process_time() - started < 5.0


@given(st.text())
def test_any_text_can_be_cut_and_sent(text):
    cut = codec.truncated(text, 10)
    assert len(cut) <= 10
    cut.encode()


def test_lone_surrogates_are_made_sendable():
    assert codec.truncated("a\ud800b") == "a\\ud800b"
