"""How each parameter of an operation crosses: as a value, as a stream of values, or as somebody who listens."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

_STREAMS = (AsyncIterator, AsyncIterable, AsyncGenerator)
_LISTENERS = (([float, str], None), ([float, str], NoneType))  # as collections.abc and typing write it


def item_type(hint: Any) -> Any | None:
    """Return ``T`` of ``AsyncIterator[T]`` and its kin, ``None`` for what is no stream."""
    return (get_args(hint) or (Any,))[0] if get_origin(hint) in _STREAMS or hint in _STREAMS else None


def without_none(hint: Any) -> Any:
    """Return ``T`` of ``T | None``, every other type as it is."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    rest = [part for part in get_args(hint) if part is not NoneType]
    return rest[0] if len(rest) == 1 else hint


def crossing_type(hint: Any) -> Any:
    """Return the type in which a parameter travels: a number for a stream, a truth for a listener."""
    bare = without_none(hint)
    if item_type(bare) is not None:
        return int | None
    return bool if is_listener(bare) else hint


def is_listener(hint: Any) -> bool:
    """Return whether a parameter takes a ``theodore_sdk.ProgressCallback``, the one kind of function that crosses."""
    bare = without_none(hint)
    return get_origin(bare) is Callable and get_args(bare) in _LISTENERS


@dataclass(frozen=True, slots=True)
class Binder:
    """Puts the arguments of a call in the order of the parameters, as ``inspect.Signature.bind`` does, but quickly.

    ``most`` positional arguments can be given and ``least`` must be; ``tail`` are the defaults that complete a call
    with positional arguments only, from the first parameter that has one.
    """

    signature: inspect.Signature
    least: int
    most: int
    tail: tuple[Any, ...]

    @classmethod
    def of(cls, signature: inspect.Signature) -> Binder:
        """Prepare for a signature without ``*args`` and ``**kwargs``."""
        parameters = list(signature.parameters.values())
        positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        least = max((index + 1 for index, p in enumerate(parameters) if p.default is p.empty), default=0)
        return cls(signature, least, len(positional), tuple(p.default for p in parameters[least:]))

    def values(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return every parameter's value.

        Raises:
            TypeError: the call does not fit the signature.

        """
        if not kwargs and self.least <= len(args) <= self.most:
            return [*args, *self.tail[len(args) - self.least :]]
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return list(bound.arguments.values())


def refuse_custom_types(wanted: Any, name: str) -> None:
    """Raise ``TypeError`` where a type contains something that cannot cross."""
    if any(isinstance(part, msgspec.inspect.CustomType) for part in parts(wanted)):
        raise TypeError(f"{name}: {wanted} cannot cross the channel; use plain values and frozen dataclasses")


def parts(wanted: Any) -> list[Any]:
    """Return msgspec's description of a type and of every type inside it."""
    return _parts(msgspec.inspect.type_info(wanted), frozenset())


def _parts(info: Any, seen: frozenset[type]) -> list[Any]:
    cls = getattr(info, "cls", None)
    if cls in seen:
        return [info]
    seen = seen | {cls} if cls is not None else seen
    inner = [getattr(info, slot, None) for slot in ("item_type", "key_type", "value_type", "type")]
    inner += list(getattr(info, "item_types", ())) + list(getattr(info, "types", ()))
    inner += [field.type for field in getattr(info, "fields", ())]
    return [info, *(part for child in inner if child is not None for part in _parts(child, seen))]
