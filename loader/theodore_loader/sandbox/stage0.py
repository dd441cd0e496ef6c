"""What runs between ``run_confined`` and the program: confine this process, then become the program.

Started as ``python -I -S -B -c BOOT <descriptor>``. The descriptor is one end of a socket pair. The host sends one JSON
object ``{"profile", "argv", "parent", "filter"}`` and closes its side for writing; back come at most two lines: first
``{"achieved"}`` or ``{"refused", "help"}``, then, only when the program could not be executed, ``{"errno"}``. The
descriptor closes on exec, which is how the host learns that the program runs.

Without subprocesses the program may still be executed, once: the filter compares the *address* of the path given to
``execve``, and after it that address holds nothing.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Sequence
from typing import Any

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import handover, libc
from theodore_loader.sandbox.order import STANDARD_STREAMS, confine
from theodore_loader.sandbox.profile import Profile


def main() -> None:
    """Confine and execute; returns never."""
    channel = int(sys.argv[1])
    os.set_inheritable(channel, False)
    request = _receive(channel)
    handover.unpack(request["filter"])
    path = os.fsencode(request["argv"][0])
    address = 0 if libc.machine() is None else libc.address(path)
    try:
        achieved = confine(
            Profile.from_json(request["profile"].encode()),
            keep=(*STANDARD_STREAMS, channel),
            parent=request["parent"],
            exec_address=address,
        )
    except TierUnavailable as refusal:
        _send(channel, {"refused": refusal.message, "help": refusal.help})
        os._exit(1)
    _send(channel, {"achieved": achieved.to_dict()})
    try:
        _execute(address, request["argv"])
    except OSError as problem:
        _send(channel, {"errno": problem.errno})
    os._exit(1)


def _receive(channel: int) -> dict[str, Any]:
    chunks = iter(lambda: os.read(channel, 65536), b"")
    request: dict[str, Any] = json.loads(b"".join(chunks))
    return request


def _send(channel: int, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[os.write(channel, data) :]


def _execute(address: int, argv: Sequence[str]) -> None:
    if not address:  # no filter is in place then
        os.execv(argv[0], list(argv))  # noqa: S606 - the host decided what runs
    arguments = [os.fsencode(argument) for argument in argv]
    environment = [os.fsencode(f"{name}={value}") for name, value in os.environ.items()]
    libc.syscall("execve", address, _vector(arguments), _vector(environment))


def _vector(strings: list[bytes]) -> bytes:
    """Return an array of pointers to ``strings``, which the caller keeps alive, and the null that ends it."""
    return struct.pack(f"@{len(strings) + 1}P", *map(libc.address, strings), 0)
