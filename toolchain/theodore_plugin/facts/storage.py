"""Facts as bytes and back: MessagePack, each node an array behind its class's tag."""

from __future__ import annotations

import struct
from types import EllipsisType
from typing import Any

import msgspec

from theodore_plugin.facts import model as m
from theodore_plugin.facts.room import deep_recursion

_ELLIPSIS, _COMPLEX, _INTEGER, _TEXT = 1, 2, 3, 4
"""Extension types, for constants that MessagePack has no type for."""
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class DamagedFacts(ValueError):
    """Bytes that are not stored facts."""


def encode(facts: m.ModuleFacts) -> bytes:
    """Return the facts as bytes; equal bytes mean equal facts, the types of their constants included."""
    with deep_recursion():
        try:
            return _ENCODER.encode(facts)
        except (OverflowError, UnicodeEncodeError):  # integers of more than 64 bits, lone surrogates
            return _ENCODER.encode(_storable(facts))


def decode(data: bytes) -> m.ModuleFacts:
    """Return the facts that were stored. Raises DamagedFacts."""
    with deep_recursion():
        try:
            return _DECODER.decode(data)
        except (msgspec.DecodeError, ValueError, struct.error, RecursionError) as error:
            raise DamagedFacts(str(error)) from None


def _storable(value: Any) -> Any:
    """Return the same facts with the constants that need it in their extension type."""
    if isinstance(value, m.Constant):
        return m.Constant(_extension(value.value), value.span)
    if isinstance(value, m.Fact):
        return type(value)(*[_storable(getattr(value, name)) for name in value.__struct_fields__])
    return tuple([_storable(item) for item in value]) if isinstance(value, tuple) else value


def _extension(value: Any) -> Any:
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return msgspec.msgpack.Ext(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
    if isinstance(value, str):
        return msgspec.msgpack.Ext(_TEXT, value.encode("utf-8", "surrogatepass"))
    return value


def _to_extension(value: object) -> object:
    if isinstance(value, EllipsisType):
        return msgspec.msgpack.Ext(_ELLIPSIS, b"")
    if isinstance(value, complex):
        return msgspec.msgpack.Ext(_COMPLEX, struct.pack(">dd", value.real, value.imag))
    raise NotImplementedError(f"facts hold no {type(value).__name__}")


def _from_extension(code: int, data: memoryview) -> object:
    if code == _ELLIPSIS:
        return ...
    if code == _COMPLEX:
        return complex(*struct.unpack(">dd", data))
    if code == _INTEGER:
        return int.from_bytes(data, "big", signed=True)
    if code == _TEXT:
        return bytes(data).decode("utf-8", "surrogatepass")
    raise ValueError(f"unknown extension type {code}")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_to_extension)
_DECODER = msgspec.msgpack.Decoder(m.ModuleFacts, ext_hook=_from_extension)
