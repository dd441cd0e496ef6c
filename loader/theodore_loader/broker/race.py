"""One connection out of several addresses: started one after the other, the first that is made wins (RFC 8305)."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import suppress

from theodore_loader.broker.addresses import Address

STAGGER_SECONDS = 0.25
"""An address that has not answered for so long gets company (RFC 8305, 8: between 100 ms and 2 s)."""
MAX_TRIES = 3
"""Addresses waited for at the same time: each is a descriptor. The one waited for longest is given up for the next."""


def connect_at_once(address: Address) -> socket.socket | None:
    """Return the connection if it is made without waiting, as on this machine; ``None`` if it has to be waited for."""
    sock = _stream(address[0])
    try:
        for _ in range(2):  # the second answers whether the first, which never waits, is done
            if sock.connect_ex(address[1]) == 0:
                return sock
    except BaseException:
        sock.close()
        raise
    sock.close()
    return None


async def first_connection(addresses: Sequence[Address]) -> socket.socket:
    """Return the connection that was made first. Cancelled, it leaves nothing behind.

    Raises:
        OSError: none could be made; the last reason.

    """
    waiting = list(addresses)
    tries: list[asyncio.Task[socket.socket]] = []
    problem: OSError = OSError(errno.EHOSTUNREACH, "no address")
    try:
        while waiting or tries:
            if waiting:
                await _abandon(tries[: len(tries) + 1 - MAX_TRIES])
                tries = [*tries[1 - MAX_TRIES :], asyncio.ensure_future(_connect(waiting.pop(0)))]
            done, _ = await asyncio.wait(
                tries, timeout=STAGGER_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in sorted(done, key=lambda task: task.exception() is not None):
                tries.remove(task)
                failed = task.exception()
                if failed is None:
                    return task.result()
                problem = failed if isinstance(failed, OSError) else OSError(errno.EIO, str(failed))
    finally:
        await _abandon(tries)
    raise problem


async def _connect(address: Address) -> socket.socket:
    sock = _stream(address[0])
    try:
        await asyncio.get_running_loop().sock_connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _abandon(tries: Sequence[asyncio.Task[socket.socket]]) -> None:
    for task in tries:
        task.cancel()
    for task in tries:
        with suppress(OSError, asyncio.CancelledError):
            (await task).close()


def _stream(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock
