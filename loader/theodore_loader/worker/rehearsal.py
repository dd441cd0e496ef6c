"""What a zygote does once so that none of its workers does it first.

A worker pays for each page that it is the first to write to. Modules that are imported on first use, tables that are
computed on first use, and functions that the interpreter specialises while they run are such pages: here they are
written before the fork. Everything here is computed from a plugin that does not exist, and changes nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import replace

import msgspec

from theodore_loader.channel import codec
from theodore_loader.channel.frames import FrameBuffer
from theodore_loader.channel.methods import methods_of
from theodore_loader.sandbox import audit_hook, native, order
from theodore_loader.sandbox.profile import Profile
from theodore_loader.worker.reports import AccessBatch, ChannelHandler
from theodore_loader.worker.setup import Setup, read_setup
from theodore_sdk.ports import CATEGORY_BASES

_TIMES = 16
"""More often than the interpreter waits before it specialises a function (8 times, CPython 3.11)."""


def rehearse() -> None:
    """Go through a worker's start as far as it changes nothing."""
    for base in CATEGORY_BASES.values():
        methods_of(base)
    for profile in _profiles():
        order.prepare(profile)
    setup = msgspec.msgpack.encode(_SETUP)
    for _ in range(_TIMES):
        _receive(setup)
    asyncio.run(_serve())


def _profiles() -> list[Profile]:
    """Return one profile of each shape: with and without native code, with and without programs."""
    programs = (Profile(), Profile(subprocesses=1, metadata_changes="ignore"))
    return [replace(at, write_xor_execute=held) for at, held in itertools.product(programs, (True, False))]


_SETUP = Setup(
    name="nobody",
    version="0.0.0",
    grants=(("network", "example.invalid:443"), ("filesystem", "rw:{tmp}/**"), ("environment", "NOBODY_*")),
    folders={"data": "/nonexistent/data", "cache": "/nonexistent/cache", "tmp": "/nonexistent/tmp"},
    roots=("/nonexistent/plugin",),
    environment={},
    profile=Profile(read=("/nonexistent",), write=("/nonexistent/tmp",)),
)


def _receive(encoded: bytes) -> None:
    hello = codec.encode(codec.Hello((codec.PROTOCOL_VERSION,), bytes(16), msgspec.Raw(encoded)))
    for payload in FrameBuffer().feed(hello):
        codec.decode_from_host(payload)
    setup = read_setup(encoded)
    order.rehearse(setup.profile)
    rules = audit_hook.hook_rules(setup.permissions(), setup.folders, setup.roots, setup.roots)
    if native.extension() is not None:
        from theodore_loader.sandbox.native.policy import policy

        policy(rules)
    else:
        from theodore_loader.sandbox import python_hook  # noqa: F401 - has it imported


async def _serve() -> None:
    """Make an event loop run, and what is made in it."""
    logging.Logger("nobody").addHandler(ChannelHandler(lambda _: None))
    AccessBatch().take()
