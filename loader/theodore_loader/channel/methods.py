"""The operations of a plugin category, derived from its SDK base class.

Both ends build the same table from the same class, so what may be called and with which types is not negotiated
and cannot be widened by a worker. A signature whose types cannot cross is refused here, when the table is
built, not when somebody calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

import msgspec

from theodore_loader.channel import codec
from theodore_loader.channel.depth import check_depth
from theodore_loader.channel.finite import has_only_finite
from theodore_loader.channel.frames import MAX_VALUE_BYTES
from theodore_loader.channel.outbox import ValueTooLargeError
from theodore_loader.channel.parameters import (
    Binder,
    crossing_type,
    is_listener,
    item_type,
    parts,
    refuse_custom_types,
    without_none,
)
from theodore_loader.errors import ProtocolViolation

INITIALIZE = "initialize"
NOT_REMOTE = frozenset({"get_plugin_info", INITIALIZE})
"""Answered by the host from the manifest, and called by the host alone."""
MAX_STEPS = 100_000
"""Parts a value may have whose type does not bound them (``check_depth``): a tenth of a second of the event loop."""

Read = Callable[[bytes], Sequence[Any]]


class BadValueError(ValueError):
    """A value is well-formed but not of the declared type; the message holds the path."""


def encode_value(value: object) -> msgspec.Raw:
    """Return ``value`` encoded.

    Raises:
        TypeError: it contains something that cannot cross.
        ValueTooLargeError: it is larger than the limit.

    """
    encoded = codec.encode_value(value)
    if len(encoded) > MAX_VALUE_BYTES:
        raise ValueTooLargeError(len(encoded))
    return msgspec.Raw(encoded)


def decode_value(decoder: msgspec.msgpack.Decoder[Any], raw: msgspec.Raw | bytes) -> Any:
    """Return the value in ``raw`` as the decoder's type. ``raw`` comes out of a frame, which was decoded whole before.

    Raises:
        BadValueError: it has another shape.
        ProtocolViolation: it is no msgpack at all.

    """
    try:
        return decoder.decode(memoryview(raw))
    except _DAMAGE as problem:
        raise _refusal(problem) from None


_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _refusal(problem: Exception) -> BadValueError | ProtocolViolation:
    if isinstance(problem, msgspec.ValidationError):
        return BadValueError(str(problem))
    return ProtocolViolation(f"a value is not msgpack: {problem}")


ANY: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values of one declared type that came from a worker, and distrusts them."""

    decoder: msgspec.msgpack.Decoder[Any]
    has_floats: bool
    is_open: bool
    """Whether the type leaves room for anything: then depth and keys are looked at first."""

    @classmethod
    def of(cls, wanted: Any, name: str) -> Reader:
        """Prepare for a type.

        Raises:
            TypeError: it cannot cross.

        """
        refuse_custom_types(wanted, name)
        kinds = {type(part) for part in parts(wanted)}
        is_open = msgspec.inspect.AnyType in kinds
        has_floats = is_open or msgspec.inspect.FloatType in kinds
        return cls(msgspec.msgpack.Decoder(wanted), has_floats, is_open)

    def __call__(self, raw: msgspec.Raw | bytes) -> Any:
        """Return the value.

        Raises:
            BadValueError: it is of another type, or holds a number that is none.
            ProtocolViolation: it is no msgpack, nests too deeply or has too many parts.

        """
        if self.is_open:
            check_depth(bytes(raw), steps=MAX_STEPS)
        try:
            value = self.decoder.decode(raw)
        except _DAMAGE as problem:
            raise _refusal(problem) from None
        if self.has_floats and not has_only_finite(bytes(raw)):  # after the type: most damage is found there
            raise BadValueError("Expected a finite number, got NaN or infinity")
        return value


@dataclass(frozen=True, slots=True)
class Method:
    """One callable operation: how its arguments and its result are written and read.

    ``streams`` says that the result is an asynchronous iterator. ``sources`` are the parameters, by position, that
    take one; ``listeners`` those that take a progress callback. ``read`` reads the result, or an item's chunk.
    """

    name: str
    signature: inspect.Signature
    documentation: str
    streams: bool
    sources: Mapping[int, Reader]
    listeners: tuple[int, ...]
    read: Reader
    is_plain: bool
    """Whether its arguments are values, all of them given by position."""
    binder: Binder
    _keywords: tuple[str, ...]
    _args: msgspec.msgpack.Decoder[Any]

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return a call's arguments (without ``self``) by position, defaults included.

        Raises:
            TypeError: the call does not fit the signature.

        """
        return self.binder.values(args, kwargs)

    def encode_args(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> msgspec.Raw:
        """Return a call's arguments encoded.

        Raises:
            TypeError: the call does not fit the signature, or a value cannot cross.
            ValueTooLargeError: the arguments are larger than the limit.

        """
        return encode_value(self.arguments(args, kwargs))

    def decode_values(self, raw: msgspec.Raw) -> list[Any]:
        """Return the arguments by position, as they crossed.

        Raises:
            BadValueError: the arguments are not of the declared types.

        """
        try:
            return list(self._args.decode(raw))
        except _DAMAGE as problem:
            raise _refusal(problem) from None

    def call_with(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments for the plugin's own method."""
        split = len(values) - len(self._keywords)
        return tuple(values[:split]), dict(zip(self._keywords, values[split:], strict=True))

    def decode_args(self, raw: msgspec.Raw) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments for the plugin's own method.

        Raises:
            BadValueError: the arguments are not of the declared types.

        """
        return self.call_with(self.decode_values(raw))

    def decode_result(self, raw: msgspec.Raw) -> Any:
        """Return the result as the declared type.

        Raises:
            BadValueError: it has another type.
            ProtocolViolation: it is no value at all.

        """
        return self.read(raw)

    def decode_named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return keyword arguments built from JSON-like values, converted to the declared types.

        Raises:
            TypeError: a name is missing or unknown.
            BadValueError: a value does not fit.

        """
        bound = self.signature.bind(**values)
        hints = [self.signature.parameters[name].annotation for name in bound.arguments]
        return {
            name: _convert(value, hint, name)
            for (name, value), hint in zip(bound.arguments.items(), hints, strict=True)
        }


@cache
def methods_of(base: type) -> Mapping[str, Method]:
    """Return the remote operations of an SDK base class, in the order of its definition.

    Raises:
        TypeError: a signature cannot cross the channel (``*args``, unsupported types).

    """
    found = {
        name: _method(name, function)
        for cls in reversed(base.__mro__)
        for name, function in vars(cls).items()
        if _is_remote(name, function)
    }
    return MappingProxyType(found)


def is_operation(function: object) -> bool:
    """Return whether a function can be an operation: a coroutine function or an asynchronous generator."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def _is_remote(name: str, function: object) -> bool:
    return not name.startswith("_") and name not in NOT_REMOTE and is_operation(function)


def _method(name: str, function: Callable[..., Any]) -> Method:
    hints = get_type_hints(function)
    signature = _signature(name, function, hints)
    parameters = list(signature.parameters.values())
    result = hints.get("return", Any)
    item = item_type(result)
    sources = {index: _item_reader(p, name) for index, p in enumerate(parameters) if _takes_stream(p)}
    listeners = tuple(index for index, p in enumerate(parameters) if is_listener(p.annotation))
    keywords = tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    crossing: Any = tuple[tuple(crossing_type(p.annotation) for p in parameters)]  # type: ignore[misc]
    refuse_custom_types(crossing, name)
    return Method(
        name=name,
        signature=signature,
        documentation=inspect.getdoc(function) or "",
        streams=item is not None,
        sources=sources,
        listeners=listeners,
        read=Reader.of(result if item is None else list[item], name),  # type: ignore[valid-type]
        binder=Binder.of(signature),
        is_plain=not (sources or listeners or keywords),
        _keywords=keywords,
        _args=msgspec.msgpack.Decoder(crossing),
    )


def _signature(name: str, function: Callable[..., Any], hints: Mapping[str, Any]) -> inspect.Signature:
    """Return the signature without ``self``, annotations resolved."""
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=hints.get(parameter.name, Any))
        for parameter in list(signature.parameters.values())[1:]
    ]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{name}: *{parameter.name} cannot cross the channel; name every parameter")
    return signature.replace(parameters=parameters, return_annotation=hints.get("return", Any))


def _takes_stream(parameter: inspect.Parameter) -> bool:
    return item_type(without_none(parameter.annotation)) is not None


def _item_reader(parameter: inspect.Parameter, name: str) -> Reader:
    return Reader.of(list[item_type(without_none(parameter.annotation))], name)  # type: ignore[misc]


def _convert(value: Any, wanted: Any, path: str) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as problem:
        raise BadValueError(f"{path}: {problem}") from None
