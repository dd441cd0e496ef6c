"""What the pool and its workers say to each other: length, then that many bytes.

A request is one file and what lowers it; an answer is its encoded facts, or why there are none. Lengths are four
bytes, big-endian; requests and failures are MessagePack. A worker answers in the order of the requests.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

from theodore_plugin.facts.cache import FrontEnd
from theodore_plugin.facts.model import FactsFailure
from theodore_plugin.project import SourceFile

HEADER = struct.Struct(">I")
_FACTS, _FAILURE = b"+", b"-"

Encoded = bytes | FactsFailure
"""What became of a file: its encoded facts, or why there are none."""


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One file to lower."""

    front_end: FrontEnd
    path: str
    module: str | None
    digest: str
    data: bytes

    @property
    def file(self) -> SourceFile:
        """The file that is asked for."""
        return SourceFile(self.path, self.module, self.data, self.digest)


def request_bytes(file: SourceFile, front_end: FrontEnd) -> bytes:
    """Return the frame that asks for ``file``."""
    return _frame(msgspec.msgpack.encode(Request(front_end, file.path, file.module, file.digest, file.data)))


def answer_bytes(answer: Encoded) -> bytes:
    """Return the frame that answers."""
    if isinstance(answer, FactsFailure):
        return _frame(_FAILURE + msgspec.msgpack.encode(answer))
    return _frame(_FACTS + answer)


def read_request(stream: BinaryIO) -> Request | None:
    """Wait for the next request; ``None`` once there are no more."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    return msgspec.msgpack.decode(stream.read(*HEADER.unpack(header)), type=Request)


def read_answer(body: bytes) -> Encoded:
    """Return what the body of an answer says. Raises msgspec.DecodeError."""
    if body[:1] == _FACTS:
        return body[1:]
    return msgspec.msgpack.decode(body[1:], type=FactsFailure)


def _frame(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body
