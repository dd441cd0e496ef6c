"""The entry inside a worker, and the protocol it speaks.

The host starts ``python -I -S -B`` with an empty environment, ``/dev/null`` as input, pipes as output, its own
runtime folder as the only import path beyond the standard library, and two descriptors: the *channel* (a stream
socketpair) and the *broker* (a sequenced-packet socketpair, see ``broker/wire.py``). Nothing else is inherited.

On the channel, frames: 4 bytes big-endian length, then a msgpack array whose first element names the frame
(``channel/codec.py`` is the whole vocabulary)::

    host                                            worker
    hello    protocols, nonce, setup          -->         (none of them spoken: error 0, and the end)
                                                    imports what it will need, closes every other descriptor,
                                                    confines itself (sandbox/order.py), tries the canaries,
                                                    installs the broker's sockets and the audit hook
                                              <--   ready    protocol, nonce, tier and layers reached
    (below the host's minimum tier: killed here, and no byte of the plugin has been read)
    load     entry point, category, services  -->
                                              <--   loaded   operations, or error 0: what the import raised
    call     1, "initialize", [config]        -->
                                              <--   result 1
    call     n, method, arguments             -->         any number at once; answers in any order
                                              <--   result n, value | error n, code, type, message, traceback
    call     n, method, arguments, credit     -->         an answer that is a stream:
                                              <--   chunk n, items    any number, as long as credit is left
    credit   n, bytes                         -->         as the consumer reads
                                              <--   end n | error n
                                              <--   progress n, fraction, message   where the call asks for it
    chunk, end                                -->         the same for streams among the arguments,
                                              <--   credit, cancel   numbers of their own
    cancel   n                                -->
                                              <--   error n, "cancelled"   within the grace time, or be killed
                                              <--   hostcall m, service, method, arguments
    hostresult m, value | error | denial      -->
                                              <--   log, access            unasked; bounded by the host
    ping k                                    -->
                                              <--   pong k
    shutdown                                  -->         flushes and closes; status 0

Operations are those of the category's SDK base class and no others; both ends derive names and types from it.
Standard output and error are captured as text and are never protocol. End of file on the channel ends the worker,
and so does the end of the host (parent-death signal). The host trusts none of this: see ``channel/client.py``.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from theodore_loader.channel import codec
from theodore_loader.channel.failures import str_of
from theodore_loader.channel.frames import FrameBuffer
from theodore_loader.channel.negotiation import NoCommonProtocolError, choose
from theodore_loader.channel.server import WorkerChannel
from theodore_loader.errors import ProtocolViolation
from theodore_loader.sandbox import audit_hook, order
from theodore_loader.worker import programs, shim
from theodore_loader.worker.loop import WorkerLoop
from theodore_loader.worker.plugin import LoadedPlugin
from theodore_loader.worker.preload import preload
from theodore_loader.worker.reports import AccessBatch, ChannelHandler
from theodore_loader.worker.setup import Setup, read_setup
from theodore_sdk.info import PermissionType

THREAD_STACK = 512 * 1024
_RECEIVE = 64 * 1024


class Stopwatch:
    """Milliseconds by phase, for the load receipt."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Time the block as ``phase``."""
        started = time.perf_counter()
        yield
        self.milliseconds[phase] = (time.perf_counter() - started) * 1000


def main(channel_fd: int, broker_fd: int, parent: int) -> None:
    """Serve the host on two inherited descriptors until it is done. Does not return."""
    channel_fd, broker_fd = _own(channel_fd), _own(broker_fd)
    channel = socket.socket(fileno=channel_fd)
    watch = Stopwatch()
    try:
        hello = _receive_hello(channel)
        setup = read_setup(hello.setup)
        accesses = AccessBatch()
        achieved = _confine(setup, (channel_fd, broker_fd), parent, watch)
        hook = _police(setup, broker_fd, accesses, watch)
    except Exception as problem:
        _give_up(channel, problem)
    channel.sendall(codec.encode(_ready(hello, achieved, hook, watch)))
    gc.enable()  # what starts a worker makes no garbage to speak of, and a collection writes to every page it visits
    with asyncio.Runner(loop_factory=WorkerLoop) as runner:
        runner.run(_serve(channel, setup, accesses))


def _own(descriptor: int) -> int:
    """Return an inherited descriptor under the lowest number free, out of reach of programs started later.

    The number it had may be the host's, and would tell how many descriptors the host has open.
    """
    os.set_inheritable(descriptor, False)
    moved = os.dup(descriptor)
    os.close(max(descriptor, moved))
    return min(descriptor, moved)


def _receive_hello(channel: socket.socket) -> codec.Hello:
    frames = FrameBuffer()
    while True:
        data = channel.recv(_RECEIVE)
        if not data:
            os._exit(0)
        for payload in frames.feed(data):
            hello = codec.decode_from_host(payload)
            if not isinstance(hello, codec.Hello):
                raise ProtocolViolation(f"{type(hello).__name__} where Hello was due")
            choose(hello.protocols)
            return hello


def _confine(setup: Setup, descriptors: tuple[int, ...], parent: int, watch: Stopwatch) -> order.Achieved:
    with watch("preload"):
        preload(extension_modules=setup.profile.write_xor_execute)  # order.py, step 7
        threading.stack_size(THREAD_STACK)
    with watch("confine"):
        return order.confine(setup.profile, keep=(*order.STANDARD_STREAMS, *descriptors), parent=parent)


def _police(setup: Setup, broker_fd: int, accesses: AccessBatch, watch: Stopwatch) -> audit_hook.Installed:
    """Install what makes refusals clear: the broker's sockets, the granted environment and the audit hook, last."""
    with watch("police"):
        os.environ.update(setup.environment)
        shim.install(broker_fd, setup.permissions(), setup.roots)
        if any(grant.type is PermissionType.SUBPROCESS for grant in setup.permissions()):
            programs.install(setup.profile.subprocesses)
        rules = audit_hook.hook_rules(setup.permissions(), setup.folders, setup.roots, (*sys.path, sys.prefix))
        hook = audit_hook.install(rules, accesses.note, lost=accesses.lose)
        accesses.source = hook.flush
        return hook


def _ready(hello: codec.Hello, achieved: order.Achieved, hook: audit_hook.Installed, watch: Stopwatch) -> codec.Ready:
    layers = (
        *(codec.Layer(layer.name, layer.active, codec.truncated(layer.detail)) for layer in achieved.layers),
        codec.Layer("hook", True, codec.truncated(f"{hook.kind}: {hook.detail}")),
    )
    canaries = tuple(
        codec.Layer(codec.truncated(canary.name, 256), True, f"{canary.layer}: {canary.refusal}")
        for canary in achieved.canaries
    )
    python = ".".join(map(str, sys.version_info[:3]))
    return codec.Ready(
        choose(hello.protocols),
        hello.nonce,
        os.getpid(),
        python,
        int(achieved.tier),
        layers,
        canaries,
        watch.milliseconds,
    )


async def _serve(channel: socket.socket, setup: Setup, accesses: AccessBatch) -> None:
    plugin = LoadedPlugin(setup)
    server = WorkerChannel(plugin, setup.roots[:1], accesses)
    server.attach(channel)
    plugin.host_call = server.host_call
    logging.basicConfig(level=logging.INFO, handlers=[ChannelHandler(server.send)], format="%(message)s")
    await asyncio.get_running_loop().create_future()


def _give_up(channel: socket.socket, problem: Exception) -> NoReturn:
    type_name = codec.truncated(type(problem).__qualname__, 256)
    code = "protocol" if isinstance(problem, NoCommonProtocolError) else "confinement"
    channel.sendall(codec.encode(codec.Error(0, code, type_name, str_of(problem))))
    os._exit(1)
