"""What runs between ``run_confined`` and the program: confine this process, then become the program.

Started as ``python -I -S -B -c BOOT <descriptor>``. The descriptor is one end of a socket pair. The host sends one JSON
object ``{"profile", "argv", "parent"}`` and closes its side for writing; back come at most two JSON lines: first
``{"achieved"}`` or ``{"refused", "help"}``, then, only when the program could not be executed, ``{"errno"}``. The
descriptor closes on exec, which is how the host learns that the program runs.

Without subprocesses the program may still be executed, once: the filter compares the *address* of the path given to
``execve``, and after it that address holds nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import libc
from theodore_loader.sandbox.order import STANDARD_STREAMS, confine
from theodore_loader.sandbox.profile import Profile


def main() -> None:
    """Confine and execute; returns never."""
    channel = int(sys.argv[1])
    os.set_inheritable(channel, False)
    request = _receive(channel)
    path = ctypes.create_string_buffer(os.fsencode(request["argv"][0]))
    address = ctypes.addressof(path)
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
    if libc.machine() is None:  # no filter is in place then
        os.execv(argv[0], list(argv))  # noqa: S606 - the host decided what runs
    environment = [os.fsencode(f"{name}={value}") for name, value in os.environ.items()]
    arguments = _vector([os.fsencode(argument) for argument in argv])
    libc.syscall("execve", address, arguments, _vector(environment))


def _vector(strings: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
