"""The operations of a plugin category, derived from its SDK base class.

Both ends build the same table from the same class, so what may be called and with which types is not negotiated
and cannot be widened by a worker. A signature whose types cannot cross is refused here, when the table is
built, not when somebody calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

import msgspec

from theodore_loader.channel.frames import MAX_VALUE_BYTES
from theodore_loader.errors import ProtocolViolation

INITIALIZE = "initialize"
NOT_REMOTE = frozenset({"get_plugin_info", INITIALIZE})
"""Answered by the host from the manifest, and called by the host alone."""


class ValueTooLargeError(ValueError):
    """An encoded value is larger than :data:`MAX_VALUE_BYTES`."""


class BadValueError(ValueError):
    """A value is well-formed but not of the declared type; the message holds the path."""


def encode_value(value: object) -> msgspec.Raw:
    """Return ``value`` encoded.

    Raises:
        TypeError: it contains something that cannot cross.
        ValueTooLargeError: it is larger than the limit.

    """
    encoded = _encoder.encode(value)
    if len(encoded) > MAX_VALUE_BYTES:
        raise ValueTooLargeError(f"{len(encoded)} bytes encoded; the limit is {MAX_VALUE_BYTES} bytes (1 MiB)")
    return msgspec.Raw(encoded)


def decode_value(decoder: msgspec.msgpack.Decoder[Any], raw: msgspec.Raw) -> Any:
    """Return the value in ``raw`` as the decoder's type. ``raw`` comes out of a frame, which was decoded whole before.

    Raises:
        BadValueError: it has another shape.
        ProtocolViolation: it is no msgpack at all.

    """
    try:
        return decoder.decode(memoryview(raw))
    except msgspec.ValidationError as problem:
        raise BadValueError(str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolViolation(f"a value is not msgpack: {problem}") from None


ANY: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder()


@dataclass(frozen=True, slots=True)
class Method:
    """One callable operation: how its arguments and its result are written and read."""

    name: str
    signature: inspect.Signature
    documentation: str
    _keywords: tuple[str, ...]
    _args: msgspec.msgpack.Decoder[Any]
    _result: msgspec.msgpack.Decoder[Any]

    def encode_args(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> msgspec.Raw:
        """Bind a call (without ``self``) and return its arguments encoded.

        Raises:
            TypeError: the call does not fit the signature, or a value cannot cross.
            ValueTooLargeError: the arguments are larger than the limit.

        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return encode_value(list(bound.arguments.values()))

    def decode_args(self, raw: msgspec.Raw) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments for the plugin's own method.

        Raises:
            BadValueError: the arguments are not of the declared types.

        """
        values = decode_value(self._args, raw)
        split = len(values) - len(self._keywords)
        return tuple(values[:split]), dict(zip(self._keywords, values[split:], strict=True))

    def decode_result(self, raw: msgspec.Raw) -> Any:
        """Return the result as the declared type.

        Raises:
            BadValueError: it has another type.
            ProtocolViolation: it is no value at all.

        """
        return decode_value(self._result, raw)

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
        TypeError: a signature cannot cross the channel (streams, ``*args``, unsupported types).

    """
    found = {
        name: _method(name, function)
        for cls in reversed(base.__mro__)
        for name, function in vars(cls).items()
        if _is_remote(name, function)
    }
    return MappingProxyType(found)


def _is_remote(name: str, function: object) -> bool:
    return not name.startswith("_") and name not in NOT_REMOTE and inspect.iscoroutinefunction(function)


def _method(name: str, function: Callable[..., Any]) -> Method:
    hints = get_type_hints(function)
    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=hints.get(parameter.name, Any))
        for parameter in list(signature.parameters.values())[1:]
    ]
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{name}: *{parameter.name} cannot cross the channel; name every parameter")
    return Method(
        name=name,
        signature=signature.replace(parameters=parameters, return_annotation=hints.get("return", Any)),
        documentation=inspect.getdoc(function) or "",
        _keywords=tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY),
        _args=_decoder(tuple[tuple(p.annotation for p in parameters)], name),  # type: ignore[misc]
        _result=_decoder(hints.get("return", Any), name),
    )


def _decoder(wanted: Any, name: str) -> msgspec.msgpack.Decoder[Any]:
    if any(isinstance(part, msgspec.inspect.CustomType) for part in _parts(msgspec.inspect.type_info(wanted))):
        raise TypeError(f"{name}: {wanted} cannot cross the channel; use plain values and frozen dataclasses")
    return msgspec.msgpack.Decoder(wanted)


def _parts(info: Any, seen: frozenset[type] = frozenset()) -> list[Any]:
    """Return ``info`` and every type inside it; dataclasses met before are not entered again."""
    cls = getattr(info, "cls", None)
    if cls in seen:
        return [info]
    seen = seen | {cls} if cls is not None else seen
    inner = [getattr(info, slot, None) for slot in ("item_type", "key_type", "value_type", "type")]
    inner += list(getattr(info, "item_types", ())) + list(getattr(info, "types", ()))
    inner += [field.type for field in getattr(info, "fields", ())]
    return [info, *(part for child in inner if child is not None for part in _parts(child, seen))]


def _convert(value: Any, wanted: Any, path: str) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as problem:
        raise BadValueError(f"{path}: {problem}") from None


def _plain(value: object) -> object:
    """Encode hook: read-only mappings and path-like objects are the two plain things msgspec does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__qualname__} cannot cross the channel; use plain values and frozen dataclasses")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
