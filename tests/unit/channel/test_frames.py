"""Frames, fed in every way a socket may deliver them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theodore_loader.channel import frames
from theodore_loader.channel.frames import HEADER_BYTES, MAX_FRAME_BYTES, FrameBuffer, frame
from theodore_loader.errors import ProtocolViolation

payloads = st.lists(st.binary(max_size=3000), max_size=8)


@given(payloads, st.lists(st.integers(1, 4000), min_size=1, max_size=20))
def test_any_chunking_gives_the_same_frames(wanted, sizes):
    stream = b"".join(frame(payload) for payload in wanted)
    buffer, found, position, turn = FrameBuffer(), [], 0, 0
    while position < len(stream):
        size = sizes[turn % len(sizes)]
        found += buffer.feed(stream[position : position + size])
        position, turn = position + size, turn + 1
    assert found == wanted
    assert buffer.pending == 0


def test_the_largest_frame_passes_and_memory_shrinks_again():
    buffer = FrameBuffer()
    payload = bytes(MAX_FRAME_BYTES)
    assert [bytes(found) for found in buffer.feed(frame(payload) + frame(b"next"))] == [payload, b"next"]
    assert buffer.capacity < 100_000


def test_memory_is_not_used_again_while_something_refers_to_it():
    buffer, kept = FrameBuffer(), []
    for letter in (b"a", b"b", b"c"):
        kept += [memoryview(found) for found in buffer.feed(frame(letter * 500_000))]
    assert [bytes(found[:3]) for found in kept] == [b"aaa", b"bbb", b"ccc"]
    frames._spare.clear()
    first, second = (next(iter(buffer.feed(frame(letter * 500_000)))) for letter in (b"d", b"e"))
    assert (bytes(first[:1]), bytes(second[:1])) == (b"d", b"e")


def test_a_larger_frame_cannot_be_made():
    with pytest.raises(ValueError, match="the limit is"):
        frame(bytes(MAX_FRAME_BYTES + 1))


@given(st.integers(MAX_FRAME_BYTES + 1, 2**32 - 1))
def test_an_announcement_beyond_the_cap_costs_no_memory(size):
    buffer = FrameBuffer()
    with pytest.raises(ProtocolViolation, match=str(size)):
        list(buffer.feed(size.to_bytes(HEADER_BYTES, "big")))
    assert buffer.capacity < 100_000


def test_a_header_in_pieces_is_no_frame_yet():
    buffer = FrameBuffer()
    assert [list(buffer.feed(bytes([byte]))) for byte in frame(b"ab")] == [[], [], [], [], [], [b"ab"]]
