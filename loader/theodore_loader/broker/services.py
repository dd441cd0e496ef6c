"""Host services a plugin may call: an explicit mapping, judged by ``registry`` grants at every call.

A service is any object with ``async`` methods. Only public coroutine functions can be called, arguments and answers
are plain values, and an exception crosses as its type's name and message.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from theodore_loader.broker.rate import TokenBucket
from theodore_loader.channel.codec import NIL, Denial, HostCall, HostResult, truncated
from theodore_loader.channel.depth import check_depth
from theodore_loader.channel.methods import BadValueError, decode_value, encode_value
from theodore_loader.permissions import Permission
from theodore_sdk.info import PermissionType

MAX_STEPS = 20_000
"""Parts the arguments of one call may have (``check_depth``): some tens of milliseconds of the host's event loop. A
mebibyte of empty lists would be seconds, for every call, as often as a plugin likes."""

REFUSALS_PER_SECOND = 50
PAUSE_SECONDS = 0.1
"""How long the answer to each further refusal waits (16 at once): each is a record, and none shall be left out."""

Record = Callable[[str, bool], None]


class Services:
    """The services one plugin may reach."""

    def __init__(self, services: Mapping[str, object], grants: Sequence[Permission], record: Record) -> None:
        self._services = dict(services)
        self._grants = tuple(grants)
        self._record = record
        self._reading = asyncio.Lock()
        self._refusals = TokenBucket(REFUSALS_PER_SECOND, 2 * REFUSALS_PER_SECOND)
        self._reserved: dict[str, Callable[[HostCall], Awaitable[HostResult]]] = {}

    def reserve(self, name: str, answer: Callable[[HostCall], Awaitable[HostResult]]) -> None:
        """Have calls of ``name``, a service of the loader's own, answered and judged by ``answer``."""
        self._reserved[name] = answer

    @property
    def granted(self) -> tuple[str, ...]:
        """Names that exist and are granted."""
        return tuple(name for name in self._services if self._allows(name))

    async def call(self, call: HostCall) -> HostResult:
        """Answer a worker's call."""
        reserved = self._reserved.get(call.service)
        if reserved is not None:
            return await reserved(call)
        allowed = self._allows(call.service)
        self._record(f"{call.service}.{call.method}", allowed)
        if not allowed:
            if not self._refusals.take(time.monotonic()):
                await asyncio.sleep(PAUSE_SECONDS)
            return HostResult(call.id, NIL, denial=Denial("registry", call.service, None, "broker"))
        try:
            method = self._method(call.service, call.method)
            if method is None:
                return _failed(call, "LookupError", f"service {call.service!r} has no method {call.method!r}")
            args, kwargs = await self._arguments(call)
            return HostResult(call.id, encode_value(await method(*args, **kwargs)))
        except BadValueError as problem:
            return _failed(call, "TypeError", str(problem))
        except Exception as problem:
            return _failed(call, type(problem).__name__, str(problem))

    async def _arguments(self, call: HostCall) -> tuple[list[Any], dict[str, Any]]:
        """Read the arguments of one call at a time, so that the host's other work comes between two large ones."""
        async with self._reading:
            check_depth(bytes(call.args), steps=MAX_STEPS)
            arguments: tuple[list[Any], dict[str, Any]] = decode_value(_ARGUMENTS, call.args)
            await asyncio.sleep(0)
        return arguments

    def _allows(self, service: str) -> bool:
        return any(grant.type is PermissionType.REGISTRY and grant.allows_name(service) for grant in self._grants)

    def _method(self, service: str, name: str) -> Callable[..., Awaitable[Any]] | None:
        found = None if name.startswith("_") else getattr(self._services.get(service), name, None)
        return found if inspect.iscoroutinefunction(found) else None


def _failed(call: HostCall, type_name: str, message: str) -> HostResult:
    return HostResult(call.id, NIL, (truncated(type_name, 256), truncated(message)))


_ARGUMENTS: msgspec.msgpack.Decoder[tuple[list[Any], dict[str, Any]]] = msgspec.msgpack.Decoder(
    tuple[list[Any], dict[str, Any]]
)
